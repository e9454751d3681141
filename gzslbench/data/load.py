"""Load any dataset, by name, by folder or by HDF5 file; verify it against the published one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gzslbench.data import checks
from gzslbench.data.attributes import SEPARATOR, attach_attributes
from gzslbench.data.catalogue import (
    NEXT_LINE,
    Comparison,
    compare,
    data_root,
    find_folder,
    how_to_get,
    known_as,
    local_datasets,
    missing_semantics,
    require_folder,
)
from gzslbench.data.dataset import UNKNOWN, Dataset, content_fingerprint
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.regions import SUFFIX, fingerprint_regions
from gzslbench.data.variants import UNIT, scale_semantics
from gzslbench.errors import DataError, GzslBenchError, PluginError, did_you_mean
from gzslbench.files import check_folder, is_there, reading, sha256_of
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.registry import load_object, plugin_code


@dataclass(frozen=True)
class Place:
    """Where a dataset is: in a folder of xlsa17 shape or an HDF5 file; ``spec`` is that of the catalogue."""

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
        name_or_path: A known name in any case, a folder of xlsa17 shape, or an HDF5 file of gzslbench.
        features: Stem of the feature file, for example ``res101``; None takes the dataset's default.
        semantics: For example ``att`` or ``sent``; None takes the dataset's default. ``att+words`` is ``att``
            with a vector of each attribute, from the file att+words.csv; ``sent-unit`` is ``sent`` with the
            vector of each class scaled to length 1.
        root: Folder of the datasets; None takes $GZSLBENCH_DATA, then ./data.

    Raises:
        DataError: It is unknown, missing, unreadable or damaged, or contradicts itself.
        PluginError: The plugin that offers it cannot load it.
    """
    base, separator, attributes = (semantics or "").partition(SEPARATOR)
    found = find(name_or_path, root)
    if base.endswith(UNIT) and not _is_stored(found, base):
        plain = base.removesuffix(UNIT)
        as_stored = plain + separator + attributes
        if plain.endswith(UNIT) and not _is_stored(found, plain):
            fix = f"use --semantics {as_stored}: scaling once is enough"
            raise DataError(f"there are no semantics {semantics}", where=str(name_or_path), fix=fix)
        return scale_semantics(load_dataset(name_or_path, features, as_stored, root))
    features = features and features.removesuffix(SUFFIX)  # records of methods on regions have it
    if isinstance(found, DatasetSpec):
        return _call_function(found, features, semantics)
    with reading(found.path, DataError):
        if found.path.is_file():
            dataset = _load_file(found.path, features, base or None)
        else:
            dataset = _load_folder(found, features, base or None, root)
        if semantics and separator:
            folder = found.path if found.path.is_dir() else found.path.parent
            dataset = attach_attributes(dataset, semantics, folder)
    spec = known_as(dataset.name)
    if spec is None or spec.expected is None:
        return dataset
    notes = tuple(
        f"{line.what}: {line.found}, but the published files have {line.expected}"
        for line in compare(dataset, spec.expected)
        if not line.agrees
    )
    is_published = not notes and dataset.features_name in spec.expected.features
    known = "imagenet-1k" if is_published and dataset.pretraining == UNKNOWN else dataset.pretraining
    return replace(dataset, notes=dataset.notes + notes, pretraining=known)


def verify_dataset(
    name_or_path: str | Path,
    features: str | None = None,
    semantics: str | None = None,
    root: str | Path | None = None,
) -> tuple[Dataset, list[Comparison]]:
    """Load a dataset with every check, hash its content again, and compare it with the catalogue.

    Source files that still exist next to an HDF5 file are compared with their checksums too.

    Raises:
        DataError: It cannot be loaded, or a check of its values fails.
    """
    dataset = load_dataset(name_or_path, features, semantics, root)
    found = find(name_or_path, root)
    where = found.load if isinstance(found, DatasetSpec) else str(found.path)
    checks.check_features(dataset.features, f"{where}: features {dataset.features_name}")
    content = content_fingerprint(dataset.features, dataset.labels, dataset.semantics)
    lines = [Comparison("content", dataset.content, content)]
    if dataset.regions is not None and dataset.regions_content:
        lines.append(Comparison("regions", dataset.regions_content, fingerprint_regions(dataset.regions)))
    if not isinstance(found, DatasetSpec):
        folder = found.path if found.path.is_dir() else found.path.parent
        with reading(folder, DataError):
            lines += [
                Comparison(f"sha256 of {name}", sha256, sha256_of(folder / name))
                for name, sha256 in dataset.files.items()
                if (folder / name).is_file()
            ]
    spec = known_as(dataset.name)
    if spec is not None and spec.expected is not None:
        lines += compare(dataset, spec.expected)
    return dataset, lines


def find(name_or_path: str | Path, root: str | Path | None = None) -> DatasetSpec | Place:
    """Return the spec of a dataset that a function creates, or the place of a dataset in files.

    A name is that of a known dataset, else of a folder below the data root, else of a folder or file here;
    ``./name`` is always here. A folder with the name of a known dataset, in any case, is taken for it.

    Raises:
        DataError: There is no such name or path, the files of a known dataset are missing, or the path may
            not be read.
    """
    path, name = Path(name_or_path), str(name_or_path)
    is_name = name == path.name != ".."
    if not is_name and is_there(path, DataError):
        return _place(path)
    from gzslbench.plugins.registry import plugins  # late: a path needs no plugin

    known = plugins().datasets()
    if not name.strip():
        raise DataError("the name of the dataset is empty", fix=did_you_mean(name, list(known)))
    spec = {known_name.lower(): spec for known_name, spec in known.items()}.get(name.lower())
    if spec is not None:
        return spec if spec.load else Place(spec.name, require_folder(spec, root), spec)
    if is_name and (folder := find_folder(name, root)):
        return _place(folder)
    if is_name and is_there(path, DataError):
        return _place(path)
    what = f"no dataset {name!r}: neither a known name nor a folder or HDF5 file"
    where = f"{path.absolute()}, and below {data_root(root)}" if is_name else path.absolute()
    raise DataError(what, where=where, fix=did_you_mean(name, [*{*known, *local_datasets(root)}]))


def _place(path: Path) -> Place:
    folder_name = path.resolve().name
    spec = known_as(folder_name)
    return Place(spec.name if spec else folder_name, path, spec)


def feature_files(folder: Path) -> list[str]:
    """Return the names of the features in ``folder``, from .mat files and from HDF5 files of gzslbench."""
    ours = [path.stem for path in folder.glob("*.h5") if hdf5.is_ours(path)]
    return sorted({*xlsa17.feature_names(folder), *ours})


def default_features(place: Place) -> str:
    """Return the catalogue's choice, else the only feature file in the folder, else ``res101``."""
    if place.spec is not None:
        return place.spec.features
    names = feature_files(place.path)
    return names[0] if len(names) == 1 else "res101"


def fitting_hdf5(folder: Path, features: str, replaced: str = "") -> tuple[Path | None, str]:
    """Find the HDF5 file for ``features``, unless it is not ours or older than its source files.

    Missing sources do not matter, because the HDF5 file contains all of their content. The source
    ``replaced`` does not matter either, because the caller is about to write it.

    Returns:
        The file, or None; and why an existing file is ignored, else an empty text.
    """
    path = folder / f"{features}.h5"
    if not path.is_file():
        return None, ""
    try:
        remembered = hdf5.stored_sources(path)
    except DataError as error:
        if not (folder / f"{features}.mat").is_file():
            raise
        return None, f"{path.name} was ignored: {error.what}"
    for source in xlsa17.source_files(folder, features):
        if source.name == replaced or not source.is_file():
            continue
        if source.name not in remembered or not remembered[source.name].matches(source):
            what = f"{path.name} was ignored: {source.name} changed since"
            return None, f"{what}; run `gzslbench data import` again"
    return path, ""


def missing_features(place: Place, features: str, root: str | Path | None = None) -> DataError:
    """Return the error for a missing feature file; it lists the existing ones.

    Raises:
        DataError: There is no dataset at all.
    """
    names = feature_files(place.path)
    if not names and not any(place.path.glob("*_splits.mat")):
        what = f"the folder {place.name} has neither features nor a split"
        fix = f"make a dataset of images or arrays: gzslbench data build NAME --images {place.path} ..."
        raise DataError(what, where=place.path, fix=fix)
    advice = f"choose existing features with --features: {', '.join(names)}{NEXT_LINE}or " if names else ""
    source = how_to_get(place.spec, root) if place.spec else f"put {features}.mat there"
    what = f"{place.name} has no feature file {features!r}"
    return DataError(what, where=place.path / f"{features}.mat", fix=advice + source)


def require_semantics(place: Place, semantics: str) -> None:
    """Raise a DataError that lists the existing semantics unless the folder ``place`` has ``semantics``."""
    if not xlsa17.splits_path(place.path, semantics)[0].is_file():
        path, known = place.path / f"{semantics}{xlsa17.SPLITS}", xlsa17.semantics_names(place.path)
        raise missing_semantics(semantics, path, known, place.spec)


def _is_stored(found: DatasetSpec | Place, semantics: str) -> bool:
    """Return whether a file has semantics of this name, which the first versions could write."""
    if isinstance(found, DatasetSpec):
        return False
    if found.path.is_file():
        return semantics in hdf5.stored_semantics(found.path)
    return is_there(found.path / f"{semantics}{xlsa17.SPLITS}", DataError)


def _load_folder(
    place: Place, features: str | None, semantics: str | None, root: str | Path | None
) -> Dataset:
    folder = place.path
    check_folder(folder, DataError)
    features = features or default_features(place)
    semantics = semantics or (place.spec.semantics if place.spec else "att")
    stored, why_not = fitting_hdf5(folder, features)
    if stored is not None:
        known = hdf5.stored_semantics(stored)
        if semantics not in known:
            raise missing_semantics(semantics, stored, known, place.spec)
        return replace(hdf5.open_hdf5(stored, semantics), name=place.name)
    if not (folder / f"{features}.mat").is_file():
        if why_not:
            what = f"{why_not}, but {features}.mat is missing"
            fix = (
                "restore, or move away, the file that changed; if `gzslbench data semantics` was\n         "
                "stopped, repeat it with --overwrite; or extract the features again"
            )
            raise DataError(what, where=folder / f"{features}.h5", fix=fix)
        raise missing_features(place, features, root)
    require_semantics(place, semantics)
    dataset = xlsa17.read_folder(folder, place.name, features, [semantics])[0]
    return replace(dataset, notes=(*dataset.notes, why_not)) if why_not else dataset


def _load_file(path: Path, features: str | None, semantics: str | None) -> Dataset:
    if path.suffix.lower() == ".mat" and not hdf5.is_ours(path):
        fix = f"name the folder: --dataset {path.parent} --features {path.stem}"
        raise DataError("a MATLAB file is only a part of a dataset", where=path, fix=fix)
    if path.suffix.lower() in (".npy", ".npz", ".csv", ".parquet"):
        fix = f"build a dataset from it: gzslbench data build NAME --features {path}; see its --help"
        raise DataError("an array is only a part of a dataset", where=path, fix=fix)
    dataset = hdf5.open_hdf5(path, semantics)
    if features not in (None, dataset.features_name):
        what = f"the file has the features {dataset.features_name!r}, not {features!r}"
        raise DataError(what, where=path, fix=f"leave --features out, or give the file of {features}")
    spec = known_as(dataset.name)
    return replace(dataset, name=spec.name) if spec else dataset


def _call_function(spec: DatasetSpec, features: str | None, semantics: str | None) -> Dataset:
    what, fix = f"dataset {spec.name!r} cannot be loaded: ", "return a Dataset with values of its types"
    with plugin_code(what, GzslBenchError, where=spec.load, fix=fix):
        dataset = load_object(spec.load, spec.name, ())()
        if not isinstance(dataset, Dataset):
            raise TypeError(f"the function returned {type(dataset).__name__}")
        if not isinstance(dataset.content, str):
            raise TypeError(f"its content is {dataset.content!r}, not a text")
        for option, requested, only in (
            ("--features", features, dataset.features_name),
            ("--semantics", semantics, dataset.semantics_name),
        ):
            if requested not in (None, only):
                fix = f"leave {option} out, or write {option} {only}"
                what = f"{spec.name} has no {option.removeprefix('--')} {requested!r}"
                raise DataError(what, where=option, fix=fix)
        checks.check_dataset(dataset, spec.load)
        content = content_fingerprint(dataset.features, dataset.labels, dataset.semantics)
        if dataset.content != content:  # two datasets with one content would be compared
            what = f"its content is {dataset.content!r:.20}, and that of its arrays {content[:8]}…"
            fix = "set it with gzslbench.data.dataset.content_fingerprint"
            raise PluginError(what, where=spec.load, fix=fix)
        return replace(dataset, notes=dataset.notes + checks.check_features(dataset.features, spec.load))
