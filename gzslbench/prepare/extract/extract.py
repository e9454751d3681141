"""Extract the features of a dataset's images: the one function behind all commands that do so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from gzslbench.data.load import Place, find
from gzslbench.errors import DataError, ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Crops, Extractor, ExtractorSpec, Load, Preparation, Request
from gzslbench.plugins.registry import plugins

if TYPE_CHECKING:
    from gzslbench.prepare.extract.image_list import ImageList

MAX_LISTED = 10
BUILT = "gzslbench.prepare.extract.listings:list_built"


@dataclass(frozen=True)
class ExtractionRequest:
    """What to extract.

    Attributes:
        dataset: A dataset's name or folder.
        images: The folder with its images.
        extractor: ``NAME`` or ``NAME:MODEL``.
        weights: A file, or a name that the extractor knows.
        layer: A layer; empty takes the extractor's default.
        pooling: The pooling of the layer; empty takes the extractor's default.
        crops: None takes the network's default.
        boxes: Whether to cut out the box around each object first.
        batch_size: Images in a batch.
        workers: Processes that decode images; 0 decodes in this process.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``fp32``, ``tf32`` or ``bf16``.
        data: The data root.
        out: The .h5 file; None names it after the extractor, next to the splits.
        skip: Whether to leave out rows whose images cannot be read.
        again: Whether to repeat a finished extraction.
    """

    dataset: str
    images: Path
    extractor: str
    weights: str | None = None
    layer: str = ""
    pooling: str = ""
    crops: Crops | None = None
    boxes: bool = False
    batch_size: int = 32
    workers: int = 0
    device: str = "auto"
    precision: str = "fp32"
    data: Path | None = None
    out: Path | None = None
    skip: bool = False
    again: bool = False


@dataclass(frozen=True)
class ExtractionResult:
    """Features in a file.

    Attributes:
        path: The file.
        images: Rows in the file.
        left_out: Why a row was left out, one line per row.
        is_new: Whether this call computed them.
    """

    path: Path
    images: int
    left_out: tuple[str, ...] = ()
    is_new: bool = True


def extract_features(
    request: ExtractionRequest,
    note: Callable[[str], None] = lambda text: None,
    watch: Callable[[int], AbstractContextManager[Callable[[int], None]]] = lambda count: nullcontext(
        lambda rows: None
    ),
) -> ExtractionResult:
    """Extract features into an .h5 file. A stopped extraction continues, a finished one is not repeated.

    Args:
        request: What to extract.
        note: Receives lines about the progress.
        watch: Receives the number of images; the function it yields receives how many more are done.

    Raises:
        DataError: The dataset has no folder with splits, or its files contradict each other.
        ExtractionError: The extractor cannot be loaded, images are missing, or another process extracts to
            the same file.
    """
    from gzslbench.prepare.extract.loading import import_package

    import_package("PIL", "images")
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench.prepare.extract.compute import Extraction, compute_features
    from gzslbench.prepare.extract.partial import lock_partial
    from gzslbench.prepare.extract.write import check_features_target, is_extracted, write_features

    name, _, model = request.extractor.partition(":")
    spec = plugins().extractor(name)
    device = resolve_device(request.device)
    check_precision(request.precision, device)
    place = find(request.dataset, request.data)
    if not isinstance(place, Place) or not place.path.is_dir():
        raise DataError(
            "this dataset is not a folder with splits", where=request.dataset, fix="name another dataset"
        )
    image_list = _read_list(place, request)
    missing = [file for file in image_list.files if not (request.images / file).is_file()]
    if missing and not request.skip:
        raise ExtractionError(
            f"{len(missing)} of {len(image_list.files)} images are missing{_list_below(missing)}",
            where=request.images,
            fix="name the folder that contains them; or leave their rows out with --skip",
        )
    network = make_request(spec, model, request.weights, request.layer, request.pooling)
    extractor = load_extractor(spec, network, request.crops)
    extraction = Extraction(
        spec, extractor, network, request.batch_size, request.workers, device, request.precision
    )
    target = request.out or place.path / f"{features_name(spec, network, request.crops, image_list.boxed)}.h5"
    provenance = {**extraction.provenance(), "boxes": image_list.boxed}
    with lock_partial(target) as folder:
        check_features_target(target, provenance)
        if not request.again and is_extracted(target, image_list.files):
            return ExtractionResult(target, len(image_list.files), is_new=False)
        try:
            with watch(len(image_list.files)) as step:
                partial, failures = compute_features(
                    extraction, image_list, request.images, folder, step, note
                )
        except KeyboardInterrupt:
            note("the computed features are kept: the same command continues")
            raise
        left_out = tuple(failures.values())
        if failures and not request.skip:
            raise ExtractionError(
                f"{len(failures)} images cannot be read; the other features are kept{_list_below(left_out)}",
                where=request.images,
                fix="replace them and repeat the command, which continues; or leave them out with --skip",
            )
        write_features(target, place.path, place.name, partial.features, image_list, failures, provenance)
        partial.remove()
    return ExtractionResult(target, len(image_list.files) - len(failures), left_out)


def shorten(lines: Sequence[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = [f"and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return [*lines[:MAX_LISTED], *more]


def _list_below(lines: Sequence[str]) -> str:
    return "".join(f"\n    {line}" for line in shorten(lines))


def _read_list(place: Place, request: ExtractionRequest) -> ImageList:
    from gzslbench.prepare.extract.image_list import read_image_list

    make = place.spec.images if place.spec is not None else ""
    if not make and (place.path / "listing.csv").is_file():
        make = BUILT
    if not make:
        raise DataError(
            f"the order of the images in the split of {place.name} is not known",
            where=place.path,
            fix="name a dataset of `gzslbench datasets`, build one with `gzslbench data build`, or name an"
            " image list in the dataset's spec",
        )
    image_list = read_image_list(make, place.path, request.images)
    if request.boxes and image_list.boxes is None:
        raise DataError(
            f"{place.name} has no boxes around objects",
            where="--boxes",
            fix="leave --boxes out, or put the index file with the boxes next to the splits",
        )
    return replace(image_list, boxed=request.boxes or image_list.boxed)


def make_request(
    spec: ExtractorSpec, model: str = "", weights: str | None = None, layer: str = "", pooling: str = ""
) -> Request:
    """Make a valid request to ``spec``. Empty values mean its defaults."""
    where = f"--extractor {spec.name}" + (f":{model}" if model else "")
    if spec.model and not model:
        raise ExtractionError(
            f"{spec.name} needs a model", where=where, fix=f"write {spec.name}:{spec.model}"
        )
    if model and not spec.model:
        raise ExtractionError(f"{spec.name} takes no model", where=where, fix=f"write only {spec.name}")
    return Request(
        model,
        weights,
        _choose(spec.layers, layer, "--layer", spec),
        _choose(spec.poolings, pooling, "--pooling", spec),
    )


def load_extractor(spec: ExtractorSpec, request: Request, crops: Crops | None = None) -> Extractor:
    """Load the network of a request. ``crops`` replaces the default crops of the images."""
    load: Load = resolve_name(spec.load)
    extractor = load(request)
    if crops is None:
        return extractor
    if not isinstance(extractor.preparation, Preparation):
        raise ExtractionError(
            f"{spec.name} preprocesses images with its own library", where=f"--crops {crops}",
            fix="leave --crops out",
        )  # fmt: skip
    return replace(extractor, preparation=replace(extractor.preparation, crops=crops))


def features_name(spec: ExtractorSpec, request: Request, crops: Crops | None, boxed: bool) -> str:
    """Return the features' name: the extractor, and everything that is not its default."""
    folder = Path(request.model).expanduser()
    model = folder.resolve().name if request.model and folder.is_dir() else request.model
    layer = "" if (request.layer,) == spec.layers[:1] else _format_layer(request.layer)
    pooling = "" if (request.pooling,) == spec.poolings[:1] else request.pooling
    parts = (spec.name, model, layer, pooling, crops, "boxes" if boxed else "")
    name = "_".join(filter(None, parts)).replace("-", "_")
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in name)


def _format_layer(value: str) -> str:
    """Write a number so that ``-2`` and ``2`` give different names."""
    if not value.lstrip("-").isdigit():
        return value
    return f"layer_minus_{value.lstrip('-')}" if value.startswith("-") else f"layer_{value}"


def _choose(known: Sequence[str], value: str, option: str, spec: ExtractorSpec) -> str:
    if known and not value:
        return known[0]
    if known and value not in known:
        raise ExtractionError(
            f"{spec.name} has no {value!r}", where=option, fix=did_you_mean(value, list(known))
        )
    return value
