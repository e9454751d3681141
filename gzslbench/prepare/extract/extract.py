"""Extract the features of a dataset's images: the one function behind all commands that do so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data import checks
from gzslbench.data.catalogue import lock_folder
from gzslbench.data.dataset import FOR_VALIDATION, PARTS, Dataset, Split
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.load import Place, find
from gzslbench.data.variants import restrict_to_split
from gzslbench.errors import DataError, ExtractionError, GzslBenchError, PluginError, did_you_mean, shorten
from gzslbench.plugins.extractor import Crops, Extractor, ExtractorSpec, Load, Preparation, Request, Weights
from gzslbench.plugins.registry import load_object, plugin_code, plugins
from gzslbench.prepare.extract.listings import ImageList, read_all_splits, read_image_list
from gzslbench.prepare.importing import check_target

BUILT = "gzslbench.prepare.extract.listings:list_built"
TRAINING = {"pretraining": "unknown", "finetuned": ""}
"""What the provenance of features says of the training of the weights, and when it is not known."""
_LONGEST = 100_000
"""Letters that the weights and the settings of an extractor may take in a file of features."""
_ANOTHER_FILE = "name another file with --out, or move this one away"


@dataclass(frozen=True)
class ExtractionRequest:
    """What to extract: the options of `gzslbench extract`, whose help describes them.

    Empty values mean the defaults of the extractor, and None as ``out`` a file next to the splits.
    ``pretraining`` and ``finetuned`` say of weights that the extractor does not know what ``Weights`` says.
    With ``regions`` the vectors of the places are stored next to the features: of a ``grid`` x ``grid`` of
    places, or of those that the layer has.
    """

    dataset: str
    images: Path
    extractor: str
    weights: str | None = None
    layer: str = ""
    pooling: str = ""
    crops: Crops | None = None
    batch_size: int = 32
    workers: int = 0
    device: str = "auto"
    precision: str = "fp32"
    data: Path | None = None
    out: Path | None = None
    pretraining: str = ""
    finetuned: str = ""
    skip: bool = False
    again: bool = False
    regions: bool = False
    grid: int | None = None
    region_type: str = "float16"


@dataclass(frozen=True)
class ExtractionResult:
    """A file of features with ``images`` rows; ``left_out`` says why a row was left out, one line per row."""

    path: Path
    images: int
    left_out: tuple[str, ...] = ()
    is_new: bool = True


def extract_features(
    request: ExtractionRequest,
    note: Callable[[str], None],
    watch: Callable[[int], AbstractContextManager[Callable[[int], None]]],
) -> ExtractionResult:
    """Extract features into an .h5 file. A stopped extraction continues, a finished one is not repeated.

    ``note`` receives lines about the progress. ``watch`` receives the number of images; the function it
    yields receives how many more are done.
    """
    from gzslbench.prepare.extract.loading import import_package

    import_package("PIL", "images")
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench.prepare.extract.compute import Extraction, Regions, compute_features, lock_partial

    name, _, model = request.extractor.partition(":")
    spec = plugins().extractor(name)
    device = resolve_device(request.device)
    check_precision(request.precision, device)
    place = find_folder(request.dataset, request.data)
    image_list = read_list(place, request.images)
    if not request.skip:
        check_images(image_list.files, request.images, "; or leave their rows out with --skip")
    network = make_request(spec, model, request.weights, request.layer, request.pooling)
    extractor = load_extractor(spec, network, request.crops)
    if request.grid is not None and not request.regions:
        raise ExtractionError("a grid is of regions", where="--grid", fix="add --regions")
    extraction = Extraction(
        spec,
        extractor,
        network,
        request.batch_size,
        request.workers,
        device,
        request.precision,
        Regions(request.grid, request.region_type) if request.regions else None,
    )
    boxed = image_list.boxes is not None
    weights = extractor.weights
    made, tuned = weights.finetuning, weights.finetuned if weights.finetuning else ""
    if made and made.get("split") != fingerprint_rows(place, image_list):
        tuned += f" of another split ({made.get('dataset')})"
        weights = replace(weights, finetuned=tuned)
    name = features_name(spec, network, request.crops, boxed, tuned)
    if request.regions:
        (places, _), _ = extraction.arrays[1]
        side = isqrt(places)
        name += f"_{side}x{side}" if side**2 == places else f"_{places}_places"
    target = request.out or place.path / f"{name}.h5"
    provenance = {**extraction.provenance(), "boxes": boxed, **declare_training(weights, request)}
    if made:
        provenance["finetuning"] = dict(made)
    with lock_partial(target) as folder:
        check_features_target(target, provenance)
        if target.exists() and not request.again:
            stored = hdf5.open_hdf5(target, next(iter(hdf5.stored_semantics(target))))
            if stored.image_files == image_list.files:
                journal = folder / "journal"  # one that is newer is of --again, which can go on
                if not journal.exists() or journal.stat().st_mtime_ns <= target.stat().st_mtime_ns:
                    shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed at its end
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
            what = f"{len(failures)} images cannot be read; the other features are kept"
            fix = "replace them and repeat the command; or leave them out with --skip"
            raise ExtractionError(what + _list_below(left_out), where=request.images, fix=fix)
        write_features(target, place, partial.features, image_list, failures, provenance, partial.regions)
        partial.remove()
    return ExtractionResult(target, len(image_list.files) - len(failures), left_out)


def check_images(files: Sequence[str], folder: Path, advice: str = "") -> None:
    """Refuse to begin with missing images; ``advice`` follows the usual one."""
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        what = f"{len(missing)} of {len(files)} images are missing{_list_below(missing)}"
        raise ExtractionError(what, where=folder, fix=f"name the folder that contains them{advice}")


def declare_training(weights: Weights, request: ExtractionRequest) -> dict[str, object]:
    """Return what the weights were trained on; the request may say what the extractor does not know."""
    declared = {}
    for name, unknown in TRAINING.items():
        known, stated = getattr(weights, name), getattr(request, name)
        if stated and known not in (unknown, stated):
            where = f"--{name} {stated}"
            raise ExtractionError(f"{name} of {weights.name} is {known}", where=where, fix="leave it out")
        declared[name] = stated or known
    return declared


def _list_below(lines: Sequence[str]) -> str:
    return "".join(f"\n    {line}" for line in shorten(lines))


def find_folder(dataset: str, data: Path | None) -> Place:
    """Find a dataset that is a folder with splits."""
    place = find(dataset, data)
    if not isinstance(place, Place) or not place.path.is_dir():
        what = "this dataset is not a folder with splits"
        raise DataError(what, where=dataset, fix="name another dataset")
    return place


def read_list(place: Place, images: Path) -> ImageList:
    """List the images of a dataset in the order of its rows."""
    make = place.spec.images if place.spec is not None else ""
    if not make and (place.path / "listing.csv").is_file():
        make = BUILT
    if not make:
        what = f"the order of the images in the split of {place.name} is not known"
        fix = "name a dataset of `gzslbench datasets`, or build one with `gzslbench data build`"
        raise DataError(what, where=place.path, fix=fix)
    return read_image_list(make, place.path, images)


def fingerprint_rows(place: Place, image_list: ImageList) -> str:
    """Return a sha256 of the images, their labels and all splits of a dataset."""
    splits = {splits.split.fingerprint for splits in read_all_splits(place.path)}
    return sha256(" ".join([image_list.fingerprint, *sorted(splits)]).encode()).hexdigest()


def make_request(
    spec: ExtractorSpec, model: str = "", weights: str | None = None, layer: str = "", pooling: str = ""
) -> Request:
    """Make a valid request to ``spec``. Empty values mean its defaults."""
    where = f"--extractor {spec.name}" + (f":{model}" if model else "")
    if spec.model and not model:
        fix = f"write {spec.name}:{spec.model}"
        raise ExtractionError(f"{spec.name} needs a model", where=where, fix=fix)
    if model and not spec.model:
        raise ExtractionError(f"{spec.name} takes no model", where=where, fix=f"write only {spec.name}")
    layer = _choose(spec.layers, layer, "--layer", spec)
    return Request(model, weights, layer, _choose(spec.poolings, pooling, "--pooling", spec))


def load_extractor(spec: ExtractorSpec, request: Request, crops: Crops | None = None) -> Extractor:
    """Load the network of a request. ``crops`` replaces the default crops of the images."""
    from gzslbench.prepare.extract.finetuned import load_finetuned

    load: Load = load_object(spec.load, spec.name, ("request",))
    fix = "return a gzslbench.plugins.Extractor, whose weights and settings can be written as JSON"
    with plugin_code(f"{spec.name} cannot be loaded: ", GzslBenchError, where=spec.load, fix=fix):
        try:
            extractor: object = load_finetuned(load, spec.name, request) or load(request)
        except PluginError as error:  # of Extractor, which does not know the name
            raise PluginError(f"{spec.name}: {error.what}", where=spec.load, fix=error.fix) from error
        if not isinstance(extractor, Extractor):
            raise TypeError(f"it returned {type(extractor).__name__}")
        forward = getattr(extractor.network, "forward", None)
        if getattr(forward, "__name__", "_forward_unimplemented") == "_forward_unimplemented":
            raise TypeError("its network is not a torch.nn.Module with a forward")
        how = extractor.preparation
        settings = asdict(how) if isinstance(how, Preparation) else {**how.settings}
        parts = [asdict(extractor.weights), settings, [version(name) for name in extractor.packages]]
        if len(json.dumps(parts, allow_nan=False, sort_keys=True)) > _LONGEST:
            raise ValueError(f"its weights and settings take more than {_LONGEST} letters")
    if crops is None:
        return extractor
    if not isinstance(extractor.preparation, Preparation):
        what = f"{spec.name} preprocesses images with its own library"
        raise ExtractionError(what, where=f"--crops {crops}", fix="leave --crops out")
    return replace(extractor, preparation=replace(extractor.preparation, crops=crops))


def features_name(
    spec: ExtractorSpec, request: Request, crops: Crops | None, boxed: bool, finetuned: str = ""
) -> str:
    """Return the features' name: the extractor, and everything that is not its default.

    ``finetuned`` names the rows on which `gzslbench finetune` trained the network; empty for none.
    """
    folder = Path(request.model).expanduser()
    model = folder.resolve().name if request.model and folder.is_dir() else request.model
    layer = "" if (request.layer,) == spec.layers[:1] else request.layer
    if layer.lstrip("-").isdigit():  # so that -2 and 2 give different names
        layer = "layer_" + layer.replace("-", "minus_")
    pooling = "" if (request.pooling,) == spec.poolings[:1] else request.pooling
    tuned = "finetuned" * bool(finetuned) + "_for_validation" * finetuned.startswith(FOR_VALIDATION)
    parts = (spec.name, model, layer, pooling, crops, "boxes" if boxed else "", tuned)
    name = "_".join(filter(None, parts)).replace("-", "_")
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in name)


def _choose(known: Sequence[str], value: str, option: str, spec: ExtractorSpec) -> str:
    if known and not value:
        return known[0]
    if known and value not in known:
        fix = did_you_mean(value, list(known))
        raise ExtractionError(f"{spec.name} has no {value!r}", where=option, fix=fix)
    return value


def check_features_target(target: Path, provenance: Mapping[str, object]) -> None:
    """Refuse to replace anything but features that were made in exactly the same way."""
    check_target(target)
    matlab = target.with_suffix(".mat")
    if matlab.exists():
        raise DataError("features of this name exist in a .mat file", where=matlab, fix=_ANOTHER_FILE)
    if target.exists():
        wanted = json.loads(json.dumps(provenance))  # tuples become lists, as in the file
        # Files of 0.1 do not say what the weights were trained on.
        trained = {name: wanted[name] for name in TRAINING if name in wanted}
        stored = trained | (hdf5.stored_extraction(target) or {})
        different = [name for name, value in wanted.items() if stored.get(name) != value]
        if different:
            what = f"features of this name exist that differ in: {', '.join(different)}"
            raise DataError(what, where=target, fix=_ANOTHER_FILE)


def write_features(
    target: Path,
    place: Place,
    features: NDArray[np.float32],
    image_list: ImageList,
    left_out: Mapping[int, str],
    provenance: Mapping[str, object],
    regions: NDArray[Any] | None = None,
) -> None:
    """Write an HDF5 file with the features and all semantics of the dataset, under the folder's lock.

    Rows in ``left_out``, which says why they have no features, are not written. ``regions`` are those of
    every image, if there are any.
    """
    folder = place.path
    with lock_folder(target.parent):
        read = xlsa17.FeatureFile(target, features, image_list.labels, image_list.files)
        datasets = [
            replace(xlsa17.assemble(folder, place.name, read, split, (), {}), regions=regions)
            for split in xlsa17.semantics_names(folder)
        ]
        if left_out:
            datasets = [drop_rows(dataset, left_out) for dataset in datasets]
        _, *others = xlsa17.source_files(folder, target.stem)
        sources = [hdf5.Source.of(path) for path in others]
        write_hdf5(target, datasets, sources, extraction=provenance)


def drop_rows(dataset: Dataset, rows: Mapping[int, str]) -> Dataset:
    """Return the dataset without these rows. Its split is a different one, called ``part``."""
    parts = (np.setdiff1d(getattr(dataset.split, part), list(rows)) for part in PARTS)
    note = f"{len(rows)} of {len(dataset.labels)} rows left out: their images cannot be read"
    part = restrict_to_split(replace(dataset, split=Split("part", *parts), notes=(*dataset.notes, note)))
    lost = [name for name in dataset.class_names if name not in part.class_names]
    if lost:
        what, where = f"no image of {lost[0]!r} can be read", "the rows whose images can be read"
        raise DataError(what, where=where, fix="replace its images: each class needs one")
    checks.check_dataset(part, "the rows whose images can be read")
    return part
