"""Make data: features of images, and datasets from images or arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

from numpy.typing import ArrayLike

from gzslbench.api.arguments import check_arguments, require_count
from gzslbench.errors import ParamError, did_you_mean, shorten
from gzslbench.prepare.building.plan import Request
from gzslbench.prepare.building.write import build_dataset
from gzslbench.prepare.extract.extract import ExtractionRequest, ExtractionResult, extract_features
from gzslbench.prepare.finetune.finetune import FinetuneRequest, finetune_extractor
from gzslbench.report.printing import print_line
from gzslbench.report.terminal.dataset import dataset_summary, left_out_lines
from gzslbench.report.terminal.progress import watch_count

_FILES = ("semantics", "images", "features", "labels", "names", "class_names", "unseen")


@check_arguments
def build(
    folder: str | Path,
    *,
    semantics: str | Path | ArrayLike | Mapping[str, ArrayLike],
    images: str | Path | None = None,
    features: str | Path | ArrayLike | None = None,
    labels: str | Path | ArrayLike | None = None,
    names: str | Path | ArrayLike | None = None,
    features_name: str | None = None,
    semantics_name: str = "att",
    class_names: str | Path | None = None,
    unseen: str | Path | Sequence[str] | None = None,
    unseen_classes: int | None = None,
    test_seen: float = 0.2,
    validation_classes: int | None = None,
    seed: int = 0,
    extractor: str | None = None,
    quiet: bool = False,
) -> Path:
    """Build a dataset from photographs or from arrays, and return its folder, which is its name for others.

    Args:
        folder: Where it is written; nothing is written if anything is wrong.
        semantics: A .csv or .npy file, a ``(C, a)`` array, or a vector for the name of each class.
        images: The folder with one folder of images per class; or give the next two.
        features: A file or an array of ``(N, d)`` floats of any modality.
        labels: A file or a sequence with the class of each row, by name or number.
        names: A file or a sequence with a name for each row.
        features_name: The name that ``gzslbench.run(features=...)`` takes. Default: that of the file.
        semantics_name: The name that ``gzslbench.run(semantics=...)`` takes.
        class_names: A file with the classes of the rows of a table without names, one per line.
        unseen: The unseen classes: a file with one per line, or their names.
        unseen_classes: How many unseen classes to draw instead.
        test_seen: The share of each seen class's rows for testing.
        validation_classes: How many seen classes to draw for validation. Default: every fifth.
        seed: The seed of all random choices.
        extractor: Also extract features of the images with this extractor.
        quiet: Whether to print nothing.

    Raises:
        DataError: An input cannot be read, or contradicts another.
        ParamError: An argument is missing, or has an impossible value.
    """
    given: dict[str, Any] = dict(locals())
    require_count("seed", seed)
    for name in _FILES:
        given[name] = Path(given[name]) if isinstance(given[name], str) else given[name]
    request = Request(**{field.name: given[field.name] for field in fields(Request) if field.name in given})
    built = build_dataset(folder, request)
    say = print_progress(quiet)
    for line in (*left_out_lines(built.plan), *dataset_summary(built.plan, built.folder.name)):
        say(line)
    if extractor is not None:
        extract(built.folder, images=str(images), extractor=extractor, quiet=quiet)
    return built.folder


@check_arguments
def extract(
    dataset: str | Path,
    *,
    images: str | Path,
    extractor: str,
    weights: str | Path | None = None,
    layer: str = "",
    pooling: str = "",
    crops: Literal["centre", "whole", "ten"] | None = None,
    batch_size: int = 32,
    workers: int = 0,
    device: str = "auto",
    precision: str = "fp32",
    data: str | Path | None = None,
    out: str | Path | None = None,
    pretraining: str = "",
    finetuned: str = "",
    skip: bool = False,
    again: bool = False,
    regions: bool = False,
    grid: int | None = None,
    region_type: Literal["float16", "float32"] = "float16",
    quiet: bool = False,
) -> Path:
    """Compute the features of a dataset's images, and return their file; a stopped extraction continues.

    Args:
        dataset: A name of ``gzslbench datasets``, or the folder of a dataset.
        images: The folder with the images.
        extractor: NAME, or NAME:MODEL, from ``gzslbench extractors``.
        weights: A file of weights, or a name that the extractor knows.
        layer: A layer of the network. Default: that of the extractor, as for ``pooling`` and ``crops``.
        pooling: How the places of a layer become one vector.
        crops: The part of an image that the network sees.
        batch_size: Images that the network computes at once.
        workers: Processes that decode images; 0 decodes in this process.
        device: auto, cpu, cuda, or cuda:N.
        precision: fp32, tf32 or bf16.
        data: The folder that holds the datasets.
        out: The .h5 file to write. Default: next to the splits, named after the extractor.
        pretraining: What weights of your own learned from.
        finetuned: The rows on which weights of your own were fine-tuned.
        skip: Whether to leave out the rows whose images cannot be read.
        again: Whether to repeat a finished extraction.
        regions: Whether to store the vectors of the places in each image as well.
        grid: Places a side to which regions are averaged. Default: all that the layer has.
        region_type: How regions are stored.
        quiet: Whether to print nothing.

    Raises:
        ExtractionError: An image or the weights are missing, damaged, or of another kind.
        DataError: The dataset is missing or damaged.
    """
    given: dict[str, Any] = {**locals(), "dataset": str(dataset)}
    given["weights"] = None if weights is None else str(weights)
    for name in ("images", "data", "out"):
        given[name] = None if given[name] is None else Path(given[name])
    request = ExtractionRequest(**{field.name: given[field.name] for field in fields(ExtractionRequest)})
    return run_extraction(request, quiet=quiet).path


def run_extraction(request: ExtractionRequest, *, quiet: bool = False) -> ExtractionResult:
    """Extract features, and print progress, what was left out, and the file."""
    say = print_progress(quiet)
    result = extract_features(request, say, _watch_images(quiet))
    for line in shorten(result.left_out):
        say(f"left out: {line}")
    done = f"{result.images} images: wrote {result.path}"
    say(done if result.is_new else f"{result.path} was extracted in exactly this way already")
    return result


@check_arguments
def finetune(
    dataset: str | Path,
    *,
    images: str | Path,
    extractor: str,
    weights: str | Path | None = None,
    for_validation: bool = False,
    out: str | Path | None = None,
    quiet: bool = False,
    **options: Any,
) -> Path:
    """Train an extractor on the seen classes of a dataset, and return the file of its weights.

    ``gzslbench.extract(..., weights=FILE)`` takes the file. No test row and no unseen class is read. A
    stopped fine-tuning continues.

    Args:
        dataset: A name of ``gzslbench datasets``, or the folder of a dataset.
        images: The folder with the images.
        extractor: NAME, or NAME:MODEL, from ``gzslbench extractors``.
        weights: The weights to begin with: a file, or a name that the extractor knows.
        for_validation: Whether to leave out all rows on which validation is tested.
        out: The .pt file to write. Default: next to the splits, named after the extractor.
        quiet: Whether to print nothing.
        options: The other options of ``gzslbench finetune --help``, such as ``epochs=10, lr=1e-4``. 0
            ``layers`` train all of the network.

    Raises:
        ExtractionError: An image or the weights are missing or damaged, or the network cannot be trained.
        DataError: The dataset is missing or damaged.
        ParamError: There is no such option.
    """
    known = sorted(field.name for field in fields(FinetuneRequest))
    for name in options.keys() - {*known}:
        raise ParamError(f"no option {name!r}", where="gzslbench.finetune", fix=did_you_mean(name, known))
    options |= {
        "weights": None if weights is None else str(weights),
        "out": None if out is None else Path(out),
    }
    request = FinetuneRequest(str(dataset), Path(images), extractor, for_validation=for_validation, **options)
    return run_finetuning(request, quiet=quiet)[0]


def run_finetuning(request: FinetuneRequest, *, quiet: bool = False) -> tuple[Path, dict[str, Any]]:
    """Fine-tune, and print progress."""
    return finetune_extractor(request, print_progress(quiet), _watch_images(quiet))


def print_progress(quiet: bool) -> Callable[[str], None]:
    """Return what prints a line to standard error, or nothing."""
    return (lambda _line: None) if quiet else print_line


def _watch_images(quiet: bool) -> Callable[[int], AbstractContextManager[Callable[[int], None]]]:
    if quiet:
        return lambda _images: nullcontext(lambda _count: None)
    return partial(watch_count, what="images")
