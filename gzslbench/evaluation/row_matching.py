"""The test rows and classes of a dataset, and how names and numbers of other programs fit them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.dataset import Dataset
from gzslbench.errors import DataError


class RowMatcher:
    """The test rows of a dataset, in the order of predictions: test_seen, then test_unseen, each increasing.

    Attributes:
        rows: ``(n,)`` rows of the dataset.
        classes: ``(K,)`` ids of the candidate classes, increasing.
        seen: ``(K,)`` bool, which candidates are seen.
        labels: ``(n,)`` true classes, positions among the candidates.
    """

    def __init__(self, dataset: Dataset) -> None:
        """Take the test rows of ``dataset``."""
        self.dataset, split = dataset, dataset.split
        self.rows = np.concatenate([split.test_seen, split.test_unseen])
        self.classes = np.union1d(dataset.seen_classes, dataset.unseen_classes)
        self.seen = np.isin(self.classes, dataset.seen_classes)
        self.labels = np.searchsorted(self.classes, dataset.labels[self.rows]).astype(np.int64)

    @property
    def class_names(self) -> list[str]:
        """The names of the candidates."""
        return [self.dataset.class_names[i] for i in self.classes]

    @cached_property
    def by_file_name(self) -> dict[str, list[tuple[int, tuple[str, ...]]]]:
        """By file name of an image, its rows with the parts of their paths."""
        found = defaultdict(list)
        for row, file in enumerate(self.dataset.image_files):
            parts = _path_parts(file)
            found[parts[-1]].append((row, parts))
        return found

    def row_of_image(self, name: str) -> int:
        """Return the row whose path has the longest ending in common with ``name``."""
        parts = _path_parts(name)
        found = self.by_file_name.get(parts[-1], [])
        if not found:
            near = get_close_matches(parts[-1], self.by_file_name, n=1)
            fix = f"did you mean {near[0]!r}? " if near else ""
            fix += "the template of --template lists all test images"
            raise DataError(f"{self.dataset.name} has no image {name!r}", where="image", fix=fix)
        backwards = (zip(reversed(parts), reversed(other), strict=False) for _, other in found)
        common = [len(list(takewhile(lambda pair: pair[0] == pair[1], pairs))) for pairs in backwards]
        if common.count(max(common)) > 1:
            what = f"{self.dataset.name} has {common.count(max(common))} rows for the image {name!r}"
            fix = "give more of the path, or name the rows by number instead, in a column 'row'"
            raise DataError(what, where="image", fix=fix)
        return found[common.index(max(common))][0]

    def order_of(self, keys: Sequence[Any], kind: str) -> NDArray[np.int64]:
        """Return for each test row the position of its key: an image's name, or a row's number from 0.

        Raises:
            DataError: A key is unknown, twice, or of no test row; or a test row has no key.
        """
        if kind == "image" and not self.dataset.image_files:
            what = f"the files of {self.dataset.name} name no images"
            raise DataError(what, where="image", fix="number the rows instead, in a column 'row'")
        if not len(keys):
            raise DataError("it has no rows", fix="give every row of test_seen and test_unseen")
        places = np.full(len(self.dataset.labels), -1)
        places[self.rows] = np.arange(len(self.rows))
        order = np.full(len(self.rows), -1, np.int64)
        for position, key in enumerate(keys):
            row = self.row_of_image(str(key)) if kind == "image" else _number(key)
            if row is None or not 0 <= row < len(places):
                fix = f"number the rows of the feature file from 0 to {len(places) - 1}"
                raise DataError(f"{self.dataset.name} has no row {key!r}", where=f"row {key}", fix=fix)
            if places[row] < 0:
                trained = np.isin(row, self.dataset.split.trainval)
                what = f"{kind} {key!r} is {'a training row' if trained else 'in no part of the split'}"
                fix = "give the test rows of the split only; rows count from 0"
                raise DataError(what, where=f"entry {position} (from 0)", fix=fix)
            if order[places[row]] >= 0:
                what = f"{kind} {key!r} is there twice: entries {order[places[row]]} and {position} (from 0)"
                raise DataError(what, fix="keep one of them")
            order[places[row]] = position
        missing = np.flatnonzero(order < 0)
        if len(missing):
            first = self.name_of(int(self.rows[missing[0]]), kind)
            what = f"{len(missing)} of {len(order)} test rows are missing; the first is {kind} {first}"
            raise DataError(what, fix="give every row of test_seen and test_unseen")
        return order

    def name_of(self, row: int, kind: str) -> str:
        """Return the shortest key of a row in a file."""
        if kind == "row":
            return str(row)
        path = self.dataset.image_files[row]
        name = _path_parts(path)[-1]
        return name if len(self.by_file_name[name]) == 1 else path

    def class_id(self, given: Any) -> int:
        """Return the id of a class that is given by name or, where no class has such a name, by id."""
        text = str(given).strip()
        found = self._ids.get(text, _number(given))
        if found is None or not 0 <= found < len(self.dataset.class_names):
            near = get_close_matches(text, self._ids, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            last = len(self.dataset.class_names) - 1
            fix = f"{hint}give a name of the dataset's classes, or a number from 0 (not 1) to {last}"
            raise DataError(f"{self.dataset.name} has no class {text!r}", where=f"class {text!r}", fix=fix)
        return found

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.dataset.class_names)}

    def positions_of(self, given: Iterable[Any]) -> NDArray[np.int64]:
        """Return the positions among the candidates of classes that are given by name or id."""
        known: dict[Any, int] = {}
        ids = []
        for entry, one in enumerate(given):
            if one not in known:
                try:
                    known[one] = self.class_id(one)
                except DataError as error:
                    where = f"{error.where}, first in entry {entry} (from 0)"
                    raise DataError(error.what, where=where, fix=error.fix) from None
            ids.append(known[one])
        for one, number in known.items():
            if number not in self.classes:
                what = f"class {one!r} has neither training nor test rows in this split"
                raise DataError(what, where=f"class {one!r}", fix="predict the seen and unseen classes only")
        return np.searchsorted(self.classes, np.array(ids, np.int64)).astype(np.int64)

    def columns_of(self, given: Sequence[Any]) -> NDArray[np.int64]:
        """Return for each candidate its position in ``given``, which names the columns by name or id."""
        places: dict[int, int] = {}
        for place, one in enumerate(given):
            number = self.class_id(one)
            if number in places:
                what = f"class {one!r} is there twice: columns {places[number]} and {place} (from 0)"
                raise DataError(what, where="classes", fix="give one column of scores per class")
            places[number] = place
        missing = [self.dataset.class_names[number] for number in self.classes if number not in places]
        if missing:
            count = f"{len(missing)} of {len(self.classes)}"
            what = f"{count} classes have no scores; the first is {missing[0]!r}"
            raise DataError(what, where="classes", fix="give a column for every seen and unseen class")
        return np.array([places[number] for number in self.classes.tolist()], np.int64)


def _number(given: Any) -> int | None:
    """Return a whole number that is given as such or as digits; None for anything else."""
    is_whole = isinstance(given, int) or (isinstance(given, str) and given.strip().isdecimal())
    return int(given) if is_whole else None


def _path_parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(path.strip().replace("\\", "/")).parts or ("",)
