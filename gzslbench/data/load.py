"""One way to any dataset: by name, by folder, or by HDF5 file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from gzslbench.data import checks
from gzslbench.data.catalogue import compare, known_as
from gzslbench.data.dataset import Dataset
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.locate import how_to_get, require_folder
from gzslbench.errors import DataError, PluginError, did_you_mean
from gzslbench.files import check_folder, is_there, reading
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.registry import plugins


@dataclass(frozen=True)
class Place:
    """Where a file dataset lies: a folder of xlsa17 shape, or an HDF5 file of ours.

    Attributes:
        name: What the dataset is called.
        path: The folder or the HDF5 file.
        spec: What the catalogue knows of that name, if anything.
    """

    name: str
    path: Path
    spec: DatasetSpec | None = None


def load_dataset(
    name_or_path: str | Path,
    features: str | None = None,
    semantics: str | None = None,
    root: str | Path | None = None,
) -> Dataset:
    """Load and check a dataset.

    Args:
        name_or_path: A known name in any case, a folder of xlsa17 shape, or an HDF5 file of our layout.
        features: Stem of the feature file, for example ``res101``; None takes the dataset's default.
        semantics: For example ``att`` or ``sent``; None takes the dataset's default.
        root: Folder of the datasets; None takes $GZSLBENCH_DATA, then ./data.

    Raises:
        DataError: Unknown, not there, not to be read, damaged, or contradicting itself.
        PluginError: The plugin that offers it cannot load it.
    """
    found = find(name_or_path, root)
    if isinstance(found, DatasetSpec):
        return _load_built_in(found, features, semantics)
    with reading(found.path, DataError):
        if found.path.is_file():
            dataset = _of_file(found.path, features, semantics)
        else:
            check_folder(found.path, DataError)
            features = features or default_features(found)
            dataset = _of_folder(found, features, semantics or default_semantics(found), root)
    return _with_surprises(dataset)


def find(name_or_path: str | Path, root: str | Path | None = None) -> DatasetSpec | Place:
    """The spec of a dataset that a function makes, or the place of one that lies in files.

    A folder that is called like a known dataset, in whatever case, is taken for that dataset.

    Raises:
        DataError: Neither a known name nor a path, or a known dataset whose files are not there; or the
            path may not be read.
    """
    known = plugins().datasets()
    asked = str(name_or_path)
    if not asked.strip():
        raise DataError("the name of the dataset is empty", fix=did_you_mean(asked, list(known)))
    spec = {name.lower(): spec for name, spec in known.items()}.get(asked.lower())
    if spec is not None:
        return spec if spec.load else Place(spec.name, require_folder(spec, root), spec)
    path = Path(name_or_path)
    if is_there(path, DataError):
        name = path.resolve().name
        spec = known_as(name)
        return Place(spec.name if spec else name, path, spec)
    raise DataError(
        f"no dataset {asked!r}: neither a known name nor a folder or HDF5 file",
        where=path.absolute(),
        fix=did_you_mean(asked, list(known)),
    )


def feature_files(folder: Path) -> list[str]:
    """The features in ``folder``, from .mat files and from HDF5 files of ours."""
    ours = [path.stem for path in folder.glob("*.h5") if hdf5.is_ours(path)]
    return sorted({*xlsa17.feature_names(folder), *ours})


def default_features(place: Place) -> str:
    """The catalogue's choice, else the only feature file there, else ``res101``."""
    if place.spec is not None:
        return place.spec.features
    there = feature_files(place.path)
    return there[0] if len(there) == 1 else "res101"


def default_semantics(place: Place) -> str:
    """The catalogue's choice, else ``att``."""
    return place.spec.semantics if place.spec is not None else "att"


def fitting_hdf5(folder: Path, features: str, replaced: str = "") -> tuple[Path | None, str]:
    """The HDF5 file beside the .mat, and why it is passed over where it is not ours or out of date.

    Sources that have been removed are no objection: the HDF5 file holds all that was in them. Nor is one
    called ``replaced``, which the caller is about to write, into the HDF5 file too.
    """
    path = folder / f"{features}.h5"
    if not path.is_file():
        return None, ""
    try:
        remembered = hdf5.stored_sources(path)
    except DataError as error:
        if not (folder / f"{features}.mat").is_file():
            raise
        return None, f"{path.name} was passed over: {error.what}"
    for source in xlsa17.source_files(folder, features):
        if source.name == replaced or not source.is_file():
            continue
        if source.name not in remembered or not remembered[source.name].still_is(source):
            why = (
                f"{path.name} was passed over: {source.name} changed since; run `gzslbench data import` again"
            )
            return None, why
    return path, ""


def _of_folder(place: Place, features: str, semantics: str, root: str | Path | None) -> Dataset:
    folder = place.path
    stored, why = fitting_hdf5(folder, features)
    if stored is not None:
        return replace(hdf5.open_hdf5(stored, semantics), name=place.name)
    if not (folder / f"{features}.mat").is_file():
        if why:
            raise DataError(
                f"{why}, but {features}.mat is not there",
                where=folder / f"{features}.h5",
                fix="put back, or move away, what changed; or, if `gzslbench data semantics` was stopped"
                " while it wrote it, make it again with --overwrite; or extract the features again",
            )
        raise missing_features(place, features, root)
    require_semantics(folder, semantics)
    dataset = xlsa17.read_folder(folder, place.name, features, [semantics])[0]
    return replace(dataset, notes=(*dataset.notes, why)) if why else dataset


def missing_features(place: Place, features: str, root: str | Path | None = None) -> DataError:
    """The error to raise where a feature file is not there; it names those that are."""
    there = feature_files(place.path)
    advice = f"choose one that is there with --features: {', '.join(there)}; or " if there else ""
    source = how_to_get(place.spec, root) if place.spec else f"put {features}.mat there"
    what = f"{place.name} has no feature file {features!r}"
    return DataError(what, where=place.path / f"{features}.mat", fix=advice + source)


def require_semantics(folder: Path, semantics: str) -> None:
    """Refuse semantics that ``folder`` does not hold, naming those it does."""
    there = xlsa17.semantics_names(folder)
    if not xlsa17.splits_path(folder, semantics)[0].is_file():
        raise DataError(
            f"no semantics {semantics!r}",
            where=folder / f"{semantics}{xlsa17.SPLITS}",
            fix=did_you_mean(semantics, there),
        )


def _of_file(path: Path, features: str | None, semantics: str | None) -> Dataset:
    dataset = hdf5.open_hdf5(path, semantics)
    if features not in (None, dataset.features_name):
        fix = f"leave --features out, or give the file of {features}"
        raise DataError(
            f"it holds the features {dataset.features_name!r}, not {features!r}", where=path, fix=fix
        )
    spec = known_as(dataset.name)
    return replace(dataset, name=spec.name) if spec else dataset


def _load_built_in(spec: DatasetSpec, features: str | None, semantics: str | None) -> Dataset:
    from pkgutil import resolve_name

    try:
        dataset = resolve_name(spec.load)()
    except (ImportError, AttributeError, ValueError) as error:
        what = f"the dataset {spec.name!r} cannot be loaded: {type(error).__name__}: {error}"
        raise PluginError(what, where=spec.load, fix="see `gzslbench doctor`") from error
    if not isinstance(dataset, Dataset):
        raise PluginError(f"it returned {type(dataset).__name__}", where=spec.load, fix="return a Dataset")
    for option, asked, there in (
        ("--features", features, dataset.features_name),
        ("--semantics", semantics, dataset.semantics_name),
    ):
        if asked not in (None, there):
            fix = f"leave {option} out, or write {option} {there}"
            raise DataError(f"{spec.name} has no {asked!r}", where=option, fix=fix)
    checks.check_dataset(dataset, spec.load)
    return replace(dataset, notes=dataset.notes + checks.check_features(dataset.features, spec.load))


def _with_surprises(dataset: Dataset) -> Dataset:
    """Add a note for each thing that differs from what the catalogue expects of that name."""
    surprises = tuple(_surprises(dataset))
    return replace(dataset, notes=dataset.notes + surprises) if surprises else dataset


def _surprises(dataset: Dataset) -> Iterator[str]:
    spec = known_as(dataset.name)
    if spec is not None and spec.expected is not None:
        for line in compare(dataset, spec.expected):
            if not line.agrees:
                yield f"{line.what}: {line.found}, but the published files have {line.expected}"
