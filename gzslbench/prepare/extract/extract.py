"""Extract the features of a dataset's images: the one function behind all commands that do so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.data.load import Place, find
from gzslbench.errors import DataError, ExtractionError
from gzslbench.plugins.extractor import Crops
from gzslbench.plugins.registry import plugins

if TYPE_CHECKING:
    from gzslbench.prepare.extract.image_lists.image_list import ImageList

MAX_LISTED = 10
BUILT = "gzslbench.prepare.extract.image_lists.built:list_built"


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
class ExtractionProgress:
    """Receives what happens during an extraction. The default ignores it.

    Attributes:
        note: Receives one line of text.
        rows: Receives the number of images before the first batch; the function it yields receives how
            many more images are done.
    """

    note: Callable[[str], None] = lambda text: None
    rows: Callable[[int], AbstractContextManager[Callable[[int], None]]] = lambda count: nullcontext(
        lambda rows: None
    )


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
    request: ExtractionRequest, progress: ExtractionProgress | None = None
) -> ExtractionResult:
    """Extract features into an .h5 file. A stopped extraction continues, a finished one is not repeated.

    Raises:
        DataError: The dataset has no folder with splits, or its files contradict each other.
        ExtractionError: The extractor cannot be loaded, images are missing, or another process extracts to
            the same file.
    """
    _require_pillow()
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench.prepare.extract.compute import Extraction, compute_features
    from gzslbench.prepare.extract.partial import lock_partial
    from gzslbench.prepare.extract.requests import features_name, load_extractor, make_request
    from gzslbench.prepare.extract.write import check_features_target, is_extracted, write_features

    progress = progress or ExtractionProgress()
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
    if not request.skip:
        _check_images_exist(image_list.files, request.images)
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
        with _announce_interruption(progress), progress.rows(len(image_list.files)) as step:
            partial, failures = compute_features(
                extraction, image_list, request.images, folder, step, progress.note
            )
        if failures and not request.skip:
            raise unreadable_error(failures, request.images)
        write_features(target, place.path, place.name, partial.features, image_list, failures, provenance)
        partial.remove()
    return ExtractionResult(target, len(image_list.files) - len(failures), tuple(failures.values()))


def unreadable_error(failures: dict[int, str], images: Path) -> ExtractionError:
    """Return the error that names the images that cannot be read."""
    listed = "\n    ".join(shorten(list(failures.values())))
    return ExtractionError(
        f"{len(failures)} images cannot be read; the other features are kept\n    {listed}",
        where=images,
        fix="replace them and repeat the command, which continues; or leave these rows out with --skip",
    )


def shorten(lines: Sequence[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = [f"and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return [*lines[:MAX_LISTED], *more]


def _check_images_exist(files: Sequence[str], images: Path) -> None:
    missing = [file for file in files if not (images / file).is_file()]
    if missing:
        listed = "\n    ".join(shorten(missing))
        raise ExtractionError(
            f"{len(missing)} of {len(files)} images are missing\n    {listed}",
            where=images,
            fix="name the folder that contains them; or leave their rows out with --skip",
        )


@contextmanager
def _announce_interruption(progress: ExtractionProgress) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        progress.note("the computed features are kept: the same command continues")
        raise


def _require_pillow() -> None:
    try:
        import_module("PIL")
    except ImportError as error:
        raise ExtractionError(
            "Pillow, which reads images, is not installed", fix="pip install 'gzslbench[images]'"
        ) from error


def _read_list(place: Place, request: ExtractionRequest) -> ImageList:
    from gzslbench.prepare.extract.image_lists.image_list import read_image_list

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
