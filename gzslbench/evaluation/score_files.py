"""Read the scores or predicted labels of a dataset's test rows from a file that any program wrote."""

from __future__ import annotations

import csv
import io
import pickle
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import Dataset
from gzslbench.data.formats.numpy_files import open_npy, read_npz
from gzslbench.errors import DataError
from gzslbench.evaluation.external import (
    CHUNK_ROWS,
    as_array,
    predictions_of_labels,
    predictions_of_scores,
)
from gzslbench.evaluation.predictions import Predictions
from gzslbench.evaluation.row_matching import RowMatcher
from gzslbench.files import reading, write_atomically

KEYS = ("image", "row")
"""What names the rows of a CSV file, in the header of its first column."""
PARTS = ("scores", "predicted", "images", "rows", "classes", "truth")
"""What a .npz or .pt file, or a mapping, may hold."""
_CSV_ROWS = 512
_UNREADABLE = (
    *(ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error),
    *(csv.Error, pickle.UnpicklingError),
)
_NO_PICKLE = (
    "save arrays of numbers and text only: np.save of an array that is not of type object, or torch.save of"
    " a tensor or of a dict of tensors and lists"
)
_TEMPLATE = "compare it with a file of --template"


def read_given(source: Any, dataset: Dataset) -> Predictions:
    """Return the predictions for the test rows of ``dataset``, from scores or predicted labels.

    Args:
        source: The path of a .npy, .npz, .csv or .pt file; or an array, a tensor or a list; or a mapping with
            what a .npz file may hold: ``scores`` ``(n, C)`` or ``predicted`` ``(n,)``; ``images`` or ``rows``
            ``(n,)``, where these are not all test rows in the order of ``RowMatcher``; ``classes`` ``(C,)``,
            where the columns are not the dataset's classes in its order; and ``truth`` ``(n,)``, the true
            classes, to compare with those of the dataset.
        dataset: The dataset that was tested on.

    Raises:
        DataError: It cannot be read, or does not fit the test rows and classes; see the message.
    """
    test = RowMatcher(dataset)
    where = Path(source) if isinstance(source, (str, PathLike)) else None
    try:
        if where is None:
            return _from_parts(_parts_of(source), test)
        with reading(where, DataError):
            return _from_file(where, test)
    except _UNREADABLE as error:
        why = error if " " in str(error) else "it is damaged, or another kind of file"
        what, fix = f"it cannot be read: {why}", "write the file again"
        if isinstance(error, pickle.UnpicklingError) or re.search("pickle|Python objects", str(error)):
            what, fix = "it holds Python objects, which could run a program", _NO_PICKLE
        elif "unpacks to" in str(error):
            fix = "leave out what is not of the test rows, or write a .npy file"
        raise DataError(what, where=where, fix=fix) from error
    except DataError as error:
        if where is None or error.where == str(where):
            raise
        place = f"{where}: {error.where}" if error.where else where
        raise DataError(error.what, where=place, fix=error.fix) from error


def _from_file(path: Path, test: RowMatcher) -> Predictions:
    kind = path.suffix.lower()
    if kind == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _from_csv(csv.reader(file), test)
    if kind == ".npy":
        return _from_parts(_parts_of(open_npy(path)), test)
    if kind == ".npz":
        # Scores, names and classes of all test rows take less.
        most = len(test.rows) * (16 * len(test.dataset.class_names) + 4096) + 2**24
        return _from_parts(read_npz(path, most), test)
    if kind in (".pt", ".pth"):
        import torch

        whole = zipfile.is_zipfile(path)  # other files of torch.save cannot be mapped
        try:
            found = torch.load(path, "cpu", weights_only=True, mmap=whole)
        except (IndexError, TypeError, AttributeError) as error:  # of damaged bytes
            raise ValueError("damaged") from error
        return _from_parts(_parts_of(found), test)
    with path.open("rb"):  # a missing file is the nearer fault
        fix = "give a .csv, .npy, .npz or .pt file"
    raise DataError(f"files ending in {path.suffix!r} are not read", where=path, fix=fix)


def _parts_of(source: Any) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    array = as_array(source, "scores")
    return {"predicted" if array.ndim == 1 else "scores": array}


def _from_parts(parts: Mapping[str, Any], test: RowMatcher) -> Predictions:
    unknown = [str(name) for name in parts if name not in PARTS]
    given = [name for name in ("scores", "predicted") if name in parts]
    if unknown or len(given) != 1 or {"images", "rows"} <= set(parts):
        what = f"it holds {', '.join(map(str, parts)) or 'nothing'}"
        fix = "give `scores` or `predicted`; if needed `images` or `rows`, `classes`, and `truth`"
        raise DataError(what, where="names of the arrays", fix=fix)
    values = as_array(parts[given[0]], given[0])
    kind = next((key for key in KEYS if f"{key}s" in parts), None)
    count = len(values) if values.ndim else 0
    if kind is not None:
        keys = _column(parts, f"{kind}s")
        if len(keys) != count:
            fix = "give one for each row of scores or labels"
            raise DataError(f"there are {len(keys)} {kind}s for {count} rows", where=f"{kind}s", fix=fix)
        order = test.order_of(keys, kind)
    elif count != len(test.rows):
        counts = test.dataset.split.counts
        parts_of = ", ".join(f"{counts[part]} of {part}" for part in ("test_seen", "test_unseen"))
        what = (
            f"there are {count} rows, and {len(test.rows)} test rows: {parts_of}; the shape is {values.shape}"
        )
        fix = "give test_seen, then test_unseen, each by increasing row; or name the `images` or `rows`"
        if values.ndim == 2 and values.shape[1] == len(test.rows):
            fix = "the scores look transposed: save scores.T, with a row for each test row"
        raise DataError(what, where=given[0], fix=fix)
    else:
        order = np.arange(count)
    if "truth" in parts:
        _check_truth(test.positions_of(_column(parts, "truth")), order, test)
    if given == ["predicted"]:
        if values.ndim != 1 or values.dtype.kind not in "iuUS":
            what = f"predicted labels have the shape {values.shape} and the type {values.dtype}"
            fix = f"give {len(test.rows)} names, or whole numbers of an integer type"
            raise DataError(what, where="predicted", fix=fix)
        found = predictions_of_labels(test.positions_of(values.tolist()), test.seen)
        return found.arrange(test.labels, order)
    classes = _column(parts, "classes") if "classes" in parts else None
    width = len(test.dataset.class_names) if classes is None else len(classes)
    if values.ndim != 2 or values.shape[1] != width:
        what = f"scores have the shape {values.shape}, not ({len(test.rows)}, {width})"
        fix = "give one column for each class, in the order of the dataset's classes or of `classes`"
        raise DataError(what, where="scores", fix=fix)
    columns = test.classes if classes is None else test.columns_of(classes)
    starts = range(0, count, CHUNK_ROWS)
    blocks = (values[start : start + CHUNK_ROWS] for start in starts)
    return predictions_of_scores(blocks, test.seen, columns).arrange(test.labels, order)


def _column(parts: Mapping[str, Any], name: str) -> list[Any]:
    values = as_array(parts[name], name)
    if values.ndim != 1:
        raise DataError(f"{name} have the shape {values.shape}", where=name, fix="give a list of them")
    return list(values.tolist())


def _check_truth(truth: NDArray[np.int64], order: NDArray[np.int64], test: RowMatcher) -> None:
    if len(truth) != len(order):
        what = f"there are {len(truth)} true classes for {len(order)} rows"
        raise DataError(what, where="truth", fix="give one for each row")
    wrong = np.flatnonzero(truth[order] != test.labels)
    if len(wrong):
        row = int(wrong[0])
        names = test.class_names
        what = (
            f"{len(wrong)} rows have another true class than in the dataset: row {test.rows[row]} is"
            f" {names[test.labels[row]]!r}, not {names[truth[order][row]]!r}"
        )
        fix = "give the rows in the order test_seen, test_unseen, each by increasing row, or name `rows`"
        raise DataError(what, where="truth", fix=fix)


def _from_csv(lines: Any, test: RowMatcher) -> Predictions:
    """Read a table with a line per test row, in blocks of lines."""
    header = [name.strip() for name in next(lines, [])]
    if len(header) < 2 or header[0] not in KEYS or (len(header) == 2 and header[1] != "class"):
        what = f"the header is {','.join(header)[:60]!r}" if header else "it is empty"
        fix = "begin with `image,class` or `row,class`, or with `image` or `row` and then the classes; "
        raise DataError(what, where="line 1", fix=fix + _TEMPLATE)
    kind, keys = header[0], []

    def rows() -> Iterator[list[str]]:
        for line in filter(None, lines):
            if len(line) != len(header):
                what = f"the line has {len(line)} fields, and the header {len(header)}"
                raise DataError(what, where=f"line {lines.line_num}", fix="write one value for each column")
            keys.append(line[0].strip())
            yield line[1:]

    def block(part: list[list[str]]) -> NDArray[np.float64]:
        try:
            return np.array(part, np.float64)
        except ValueError as error:
            text = str(error).rpartition(": ")[2].strip("'")
            of_part = zip(keys[-len(part) :], part, strict=True)
            place = next((f"{kind} {key}" for key, line in of_part if text in line), None)
            raise DataError(f"the score {text!r} is not a number", where=place, fix=_TEMPLATE) from error

    if header[1:] == ["class"]:
        found = predictions_of_labels(test.positions_of(label for (label,) in rows()), test.seen)
    else:
        columns, given = test.columns_of(header[1:]), rows()
        blocks = map(block, iter(lambda: list(islice(given, _CSV_ROWS)), []))
        found = predictions_of_scores(blocks, test.seen, columns)
    return found.arrange(test.labels, test.order_of(keys, kind))


def write_templates(path: Path, dataset: Dataset) -> tuple[Path, Path]:
    """Write ``path``, an example of predicted labels, and next to it one of scores; return both paths.

    Every test row has the first class. An existing file is never replaced; a call that broke off between the
    two files can be repeated.

    Raises:
        DataError: A file exists already.
    """
    test = RowMatcher(dataset)
    count = len(dataset.image_files)  # some datasets have several rows of one image
    kind = "image" if count and len(set(dataset.image_files)) == count else "row"
    names = [test.name_of(row, kind) for row in test.rows.tolist()]
    scores = ["1.0", *["0.0"] * (len(test.classes) - 1)]
    labels = [[kind, "class"], *([name, test.class_names[0]] for name in names)]
    table = [[kind, *test.class_names], *([name, *scores] for name in names)]
    other = path.with_name(f"{path.stem}-scores{path.suffix}")
    contents = {path: _encode_table(labels), other: _encode_table(table)}
    there = [file for file in contents if file.exists()]
    for file in there:
        if len(there) > 1 or not file.is_file() or file.read_bytes() != contents[file]:
            raise DataError("the file exists already", where=file, fix="choose another name for --template")
    for file, content in contents.items():
        write_atomically(file, content, DataError, "name another folder with --template")
    return path, other


def _encode_table(lines: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
