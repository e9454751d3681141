"""Read features, labels and names of rows from files of arrays and tables, or from arrays in memory.

``file.npz:name`` names one of several arrays in a file. Large .npy and .h5 files are not read into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gzslbench.data.formats.apart import read_apart
from gzslbench.data.formats.hdf5 import ArrayPlace
from gzslbench.data.formats.matfile import read_mat, variables
from gzslbench.data.formats.numpy_files import most_unpacked, npz_names, open_npy, read_npz
from gzslbench.errors import DataError, did_you_mean
from gzslbench.files import check_file
from gzslbench.prepare.building.names import compose
from gzslbench.prepare.building.tables import read_lines

LABELS = ("labels", "label", "class", "classes", "target", "y")
NAMES = ("image_files", "files", "file", "images", "image", "names", "name")
FEATURES = ("features", "feature", "embeddings", "embedding", "x")
"""What arrays and columns are called, in lower case: the first one that a file has is taken."""
_LABELED = "label each row with the name of its class, or with its number"
_AGAIN = "write the file again, without pickled objects, for example with numpy.save"


def read_features(source: Path | ArrayLike, rows: int) -> NDArray[Any]:
    """Return ``(N, d)`` features of ``rows`` rows; a dataset of h5py and a memory map are not read here.

    A matrix of a .mat file may also be ``d x N``, as xlsa17 has it. Its values are not checked here.

    Raises:
        DataError: It cannot be read, or is not a matrix of real numbers with ``rows`` rows.
    """
    where, array = _read(source, FEATURES, (*LABELS, *NAMES), "features")
    if array.dtype.kind in "OUSV":
        what, fix = f"numbers are expected, but these are {array.dtype}", "store an array of floats"
        raise DataError(what, where=where, fix=fix)
    if array.dtype.kind != "f":
        fix = "convert them to floats: features.astype('float32')"
        raise DataError(f"features are real numbers, but these are {array.dtype}", where=where, fix=fix)
    if array.ndim == 3:
        what = f"features of shape {array.shape}: region features are not supported yet"
        raise DataError(what, where=where, fix="store one vector for each row, such as their mean")
    if array.ndim != 2 or not array.size:
        fix = "store a matrix with one row for each label"
        raise DataError(f"features of shape {array.shape}", where=where, fix=fix)
    if array.shape[1] == rows and isinstance(source, Path) and _split_key(source)[0].suffix.lower() == ".mat":
        if len(array) == rows:
            what, fix = "a square matrix: its rows or its columns may be meant", "save it as .npy"
            raise DataError(what, where=where, fix=fix)
        array = array.T
    if len(array) != rows:
        is_transposed = array.shape[1] == rows
        what = f"{len(array)} rows of features, but {rows} labels"
        fix = "save its transpose" if is_transposed else "give each row of features one label, in one order"
        raise DataError(what, where=where, fix=fix)
    return array


def read_labels(source: Path | ArrayLike) -> tuple[list[str], bool]:
    """Return the label of each row as text, and whether all labels are whole numbers.

    Raises:
        DataError: They cannot be read, are not one column, or are neither texts nor whole numbers.
    """
    where, array = _read(source, LABELS, (), "labels")
    values = _as_column(array, where, "labels")
    if values.dtype.kind == "f":
        if not (np.isfinite(values) & (values == np.floor(values))).all():
            raise DataError("not all labels are whole numbers", where=where, fix=_LABELED)
        values = values.astype(np.int64)
    if values.dtype.kind not in "iuUO" or not all(isinstance(value, (int, str)) for value in values.tolist()):
        what = f"labels are names or numbers, but these are {values.dtype}"
        raise DataError(what, where=where, fix=_LABELED)
    texts = [compose(str(value).strip()) for value in values.tolist()]
    if "" in texts:
        raise DataError(f"row {texts.index('') + 1} has no label", where=where, fix=_LABELED)
    return texts, values.dtype.kind in "iu" or all(text.isascii() and text.isdigit() for text in texts)


def read_row_names(source: Path | ArrayLike, rows: int) -> tuple[str, ...]:
    """Return the name of each of ``rows`` rows, for example the path of its image; each one is unique."""
    where, array = _read(source, NAMES, LABELS, "names")
    names = [str(value).strip() for value in _as_column(array, where, "names").tolist()]
    if len(names) != rows:
        fix = "give each row one name, in the order of the features"
        raise DataError(f"{len(names)} names, but {rows} labels", where=where, fix=fix)
    first: dict[str, int] = {}
    for row, name in enumerate(names, 1):
        if not name or first.setdefault(name, row) != row:
            what = f"the name {name!r} of row {row} is empty, or is that of row {first.get(name, row)} too"
            raise DataError(what, where=where, fix="give each row a name of its own")
    return tuple(names)


def _as_column(array: Any, where: str, what: str) -> NDArray[Any]:
    values = np.asarray(array)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.size != max(values.shape, default=0):
        fix = "store one for each row, in one column"
        raise DataError(f"{what} of shape {values.shape}", where=where, fix=fix)
    return values.ravel()


def _split_key(path: Path) -> tuple[Path, str]:
    """Split ``file.npz:name`` into the file and the name of an array; the name may be empty."""
    file, colon, key = str(path).rpartition(":")
    return (Path(file), key) if colon and file and not path.exists() else (path, "")


def _read(
    source: Path | ArrayLike, wanted: Sequence[str], others: Sequence[str], what: str
) -> tuple[str, NDArray[Any]]:
    """Return where an array is from, and the array; of a table the columns that are not ``others``."""
    if not isinstance(source, Path):
        try:
            return what, np.asarray(source)
        except ValueError as error:
            raise DataError(f"not an array: {error}", where=what, fix="give rows of one length") from error
    path, key = _split_key(source)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        fix = f"save them as one of {', '.join(_READERS)}"
        raise DataError(f"{what} cannot be read from this kind of file", where=path, fix=fix)
    check_file(path, DataError)
    try:
        return str(source), reader(path, key, wanted, others)
    except DataError:
        raise
    except Exception as error:  # each reader raises its own errors of damaged bytes
        what = f"{what} cannot be read: {error}".splitlines()[0]
        raise DataError(what, where=path, fix=_AGAIN) from error


def _choose(names: Sequence[str], key: str, wanted: Sequence[str], path: Path) -> str:
    """Return the array that ``key`` names, else the first of ``wanted`` in the file, else the only one."""
    if key:
        if key not in names:
            raise DataError(f"there is no {key!r}", where=path, fix=did_you_mean(key, list(names)))
        return key
    by_lower = {name.rpartition("/")[2].lower(): name for name in reversed(names)}
    found = next((by_lower[name] for name in wanted if name in by_lower), None)
    if found is None and len(names) != 1:
        what = f"it is not clear which of {len(names)} arrays is meant: {', '.join(names) or 'there is none'}"
        raise DataError(what, where=path, fix=f"name one: {path}:NAME")
    return found or names[0]


def _read_numpy(path: Path, key: str, wanted: Sequence[str], others: Sequence[str]) -> Any:
    if path.suffix.lower() == ".npy":
        return open_npy(path)
    name = _choose(npz_names(path), key, wanted, path)
    return read_npz(path, most_unpacked(path.stat().st_size), (name,))[name]


def _read_matlab(path: Path, key: str, wanted: Sequence[str], others: Sequence[str]) -> Any:
    names = sorted(name for name in variables(path) if not name.startswith(("__", "#")))
    if not names:
        read_mat(path, ())  # raises an error if the file is damaged
    name = _choose(names, key, wanted, path)
    return read_mat(path, (name,))[name]


def _read_hdf5(path: Path, key: str, wanted: Sequence[str], others: Sequence[str]) -> Any:
    import h5py

    def read() -> Any:
        """Return the place of an array of numbers in one piece, or else the array."""
        names: list[str] = []
        with h5py.File(path, "r", locking=False) as file:
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            array = file[_choose(names, key, wanted, path)]
            if array.dtype.kind in "OS":
                return array.asstr()[()]
            return (array.dtype.kind in "biuf" and array.size and ArrayPlace.of(array)) or array[()]

    found = read_apart(path, read)
    return found.map(path) if isinstance(found, ArrayPlace) else np.asarray(found)


def _read_csv(path: Path, key: str, wanted: Sequence[str], others: Sequence[str]) -> Any:
    lines = read_lines(path)
    header = [cell.strip() for cell in lines[0][1]] if lines else []
    if wanted is FEATURES:
        return _parse_features(lines, header, path, others)
    if len(header) > 1 or (header and header[0].lower() in (key.lower(), *wanted)):
        index = header.index(_choose(header, key, wanted, path))
        lines = lines[1:]
    else:
        index = 0
    for number, cells in lines:
        if len(cells) != len(header):
            what = f"{len(cells)} columns, but the first line has {len(header)}"
            raise DataError(what, where=f"{path}: line {number}", fix="put a text with commas into quotes")
    return np.array([cells[index] for _, cells in lines], dtype=object)


def _parse_features(
    lines: Sequence[tuple[int, list[str]]], header: list[str], path: Path, others: Sequence[str]
) -> NDArray[np.float32]:
    """Parse a table of numbers; a first line with a text is a header, which may name labels and files."""
    has_header = any(_parse(cell) is None for cell in header)
    used = [i for i, name in enumerate(header) if not (has_header and name.lower() in others)]
    matrix = np.empty((len(lines) - has_header, len(used)), dtype=np.float32)
    for row, (number, cells) in enumerate(lines[has_header:]):
        if len(cells) != len(header):
            what = f"{len(cells)} columns, but the first line has {len(header)}"
            raise DataError(what, where=f"{path}: line {number}", fix="give each line the same columns")
        values = [_parse(cells[i]) for i in used]
        if None in values:
            column = used[values.index(None)]
            what = f"{cells[column].strip() or 'nothing'!r} in column {column + 1} is not a number"
            fix = "give each row a number in every column; a column called label or file is left out"
            raise DataError(what, where=f"{path}: line {number}", fix=fix)
        matrix[row] = values
    return matrix


def _parse(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _read_parquet(path: Path, key: str, wanted: Sequence[str], others: Sequence[str]) -> Any:
    try:
        from pyarrow import parquet  # late: an extra
    except ImportError as error:
        what, fix = ".parquet files need pyarrow", "pip install 'gzslbench[parquet]'"
        raise DataError(what, where=path, fix=fix) from error
    table = parquet.read_table(path)
    names = list(table.column_names)
    used = [name for name in names if name.lower() not in others]
    if key or wanted is not FEATURES or {name.lower() for name in names} & set(FEATURES):
        used = [_choose(names, key, wanted, path)]
    columns = [table.column(name).to_numpy() for name in used]
    if len(columns) == 1 and len(columns[0]) and isinstance(columns[0][0], np.ndarray):
        return np.stack(columns[0])  # a list in each row
    return columns[0] if wanted is not FEATURES else np.column_stack(columns)


_READERS: dict[str, Callable[[Path, str, Sequence[str], Sequence[str]], Any]] = {
    ".npy": _read_numpy,
    ".npz": _read_numpy,
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".mat": _read_matlab,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
}
