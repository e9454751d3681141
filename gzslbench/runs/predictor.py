"""Classify new rows with the model, head and gamma of a stored run, also into classes added later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.computing.device import matmul_precision, plain_torch
from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.dataset import Dataset
from gzslbench.data.preprocessing import Transform, fit_preprocessing
from gzslbench.data.region_rows import scale
from gzslbench.data.views import EvalView
from gzslbench.errors import DataError, ParamError, StoreError
from gzslbench.evaluation.checked_method import CheckedMethod, build_head_data, fit_head
from gzslbench.plugins.head import FittedHead
from gzslbench.runs.load_trained import Trained, open_head, open_trained
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder

_CHUNK = 8192
_UNIT = 1e-3
"""Largest distance of a length from 1 at which semantics count as scaled to unit length."""


@dataclass(frozen=True)
class Guess:
    """A class that a row may belong to: ``seen``, ``unseen`` or ``added``.

    A higher score is likelier; its scale depends on the method.
    """

    name: str
    kind: str
    score: float


@dataclass(frozen=True)
class AddedClasses:
    """Classes that the dataset does not have: C names, and their semantics ``(C, a)`` on its scale.

    ``where`` names their file in error messages.
    """

    names: tuple[str, ...]
    semantics: NDArray[np.float32]
    where: str = "the added classes"


class Predictor:
    """Scores rows of features as the final evaluation of a run does.

    Attributes:
        record: The run.
        dataset: The dataset of the run.
        classes: K names: the candidates of the dataset, then the added classes.
        seen: ``(K,)`` bool, which of them are seen.
        gamma: What is subtracted from the scores of seen classes; 0 unless the run is calibrated.
    """

    def __init__(self, record: Record, trained: Trained, added: AddedClasses | None = None) -> None:
        """Take a trained model; ``added`` are further candidates."""
        assert record.headline is not None  # ``open_trained`` refuses a run without
        self.record, self.dataset = record, trained.dataset
        self.gamma = record.headline.gamma or 0.0
        self.trained = trained
        test = trained.test
        names = trained.dataset.class_names
        self.classes = tuple(names[i] for i in test.classes.tolist())
        self._first_added = len(self.classes)
        semantics, seen = test.semantics, test.seen
        if added is not None:
            self.classes += added.names
            more = torch.from_numpy(added.semantics).to(semantics)
            semantics = torch.cat([semantics, more])
            seen = torch.cat([seen, seen.new_zeros(len(more))])
        self.candidates: EvalView = replace(test, semantics=semantics, seen=seen)
        self.seen: NDArray[np.bool_] = seen.cpu().numpy()
        self._checked = CheckedMethod(trained.method, Chunk(_CHUNK, "rows scored at once"))

    def __repr__(self) -> str:
        """Return the run and the number of classes."""
        return f"<Predictor of {self.record.id}: {len(self.classes)} classes, gamma {self.gamma:.4g}>"

    @cached_property
    def _transform(self) -> Transform:
        dataset, name = self.dataset, self.record.cell.preprocessing
        if dataset.features.ndim == 3:
            return lambda rows: scale(torch.from_numpy(rows.astype(np.float32)), name).numpy()
        return fit_preprocessing(name, dataset.features[dataset.split.trainval])

    @cached_property
    def _head(self) -> FittedHead | None:
        """The head, fitted with the random numbers of the run; None for a method that scores classes."""
        record, cell = self.record, self.record.cell
        if cell.head is None:
            return None
        head, setting = open_head(record)
        if setting != "inductive":
            what = f"the head {cell.head} is fitted on the test rows: it has no answer for other rows"
            raise StoreError(what, where=record.id, fix="name a run with another head")
        assert record.headline is not None
        settings, epoch = head.settings(self.trained.method.head), record.headline.epoch
        with self._inference():
            data, _ = build_head_data(
                self._checked, settings, self.trained.train, self.candidates, epoch, cell.seed
            )
            random = generator(data.features.device, cell.seed, "evaluation", epoch, "head")
            epochs = record.headline.head_epoch
            *_, fitted = fit_head(head, data, settings, epochs, random, graphs=False)
        return fitted

    def scores(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Map ``(n, d)`` features, as the dataset has them, to ``(n, K)`` scores; gamma is subtracted.

        A run of a method on regions takes ``(n, R, d)``.

        Raises:
            DataError: They have another shape, or are not finite.
        """
        features = getattr(features, "detach", lambda: features)()  # a tensor that needs a gradient
        rows = np.array(features)  # torch warns of a memory map, which may not be written
        shape = self.dataset.features.shape[1:]
        if rows.shape[1:] != shape or not rows.ndim or rows.dtype.kind not in "fiu":
            wanted = ", ".join(map(str, ("n", *shape)))
            what = f"the features are {rows.dtype} of shape {rows.shape}, not ({wanted}) numbers"
            fix = f"give rows of the features {self.dataset.features_name}, which the run was trained on"
            raise DataError(what, where="the features", fix=fix)
        with np.errstate(over="ignore"):
            is_finite = np.isfinite(rows.astype(np.float32))
        if not is_finite.all():
            row = int(np.argwhere(~is_finite)[0, 0])
            what = "a feature is NaN or infinite, or too large for float32"
            raise DataError(what, where=f"row {row}", fix="compute it again")
        if not len(rows):
            return np.empty((0, len(self.classes)), dtype=np.float32)
        semantics, head = self.candidates.semantics, self._head
        inputs = torch.from_numpy(np.ascontiguousarray(self._transform(rows))).to(semantics.device)
        with self._inference():
            if head is None:
                scores = self._checked.scores(inputs, semantics)
            else:
                embedded = self._checked.collect(self._checked.embed(inputs), len(inputs))
                scores = torch.cat(list(self._checked.chunk.map_chunks(embedded, head.scores)))
        found: NDArray[np.float32] = scores.float().cpu().numpy()
        found[:, self.seen] -= np.float32(self.gamma)
        if np.isnan(found).any():
            row, fix = (
                int(np.argwhere(np.isnan(found))[0, 0]),
                "compare the features with those of the dataset",
            )
            raise DataError("the method gives a score that is NaN", where=f"row {row}", fix=fix)
        return found

    def predict(self, features: NDArray[Any], top: int = 5) -> list[tuple[Guess, ...]]:
        """Return for each of ``(n, d)`` features its ``top`` likeliest classes, the likeliest first."""
        if not hasattr(top, "__index__") or top < 1:
            raise ParamError(f"top cannot be {top!r}", where="top", fix="give a whole number from 1")
        scores = self.scores(features)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
        return [
            tuple(Guess(self.classes[k], self._kind(k), float(row[k])) for k in ranked.tolist())
            for row, ranked in zip(scores, best, strict=True)
        ]

    def _kind(self, position: int) -> str:
        if position >= self._first_added:
            return "added"
        return "seen" if self.seen[position] else "unseen"

    @contextmanager
    def _inference(self) -> Iterator[None]:
        with plain_torch(), torch.no_grad(), matmul_precision("fp32", self.record.cell.deterministic):
            yield


def open_predictor(
    record: Record,
    folder: RunFolder,
    *,
    added: AddedClasses | None = None,
    data: Path | None = None,
    device: torch.device | str = "cpu",
) -> Predictor:
    """Open the trained model of a complete run as a predictor.

    Raises:
        StoreError: The run has no trained model.
        CheckpointError: Its checkpoint is missing or does not fit.
        DataError: The dataset changed since, or ``added`` does not fit to it.
    """
    if record.control is not None:
        what = f"run {record.id} is the control {record.control}: its answers mean nothing"
        raise StoreError(what, where=folder.path, fix="name a run of the method itself")
    if record.setting == "evolving":
        what = f"run {record.id} learned from the test rows while it scored them: it has no one model"
        raise StoreError(what, where=folder.path, fix="name a run whose setting is not evolving")
    trained = open_trained(record, folder, data=data, device=device)
    if added is not None:
        _check_added(added, trained.dataset)
    return Predictor(record, trained, added)


def _check_added(added: AddedClasses, dataset: Dataset) -> None:
    where = added.where
    known = {name.casefold(): name for name in dataset.class_names}
    for name in added.names:
        if name.casefold() in known:
            what = f"{dataset.name} has the class {known[name.casefold()]!r} already, or it is added twice"
            raise DataError(what, where=where, fix="give each added class a name of its own")
        known[name.casefold()] = name
    expected, found = (len(added.names), dataset.semantics.shape[1]), added.semantics.shape
    if found != expected:
        what = f"the semantics of the added classes have the shape {found}, not {expected}"
        fix = f"give each class a row with the {expected[1]} numbers of {dataset.semantics_name}"
        raise DataError(what, where=where, fix=fix)
    if not np.isfinite(added.semantics).all():
        raise DataError(
            "the semantics of the added classes are not finite", where=where, fix="give finite numbers"
        )
    candidates = np.union1d(dataset.seen_classes, dataset.unseen_classes)
    if _has_unit_length(dataset.semantics[candidates]) and not _has_unit_length(added.semantics):
        what = f"the semantics of the added classes do not have length 1, but those of {dataset.name} do"
        raise DataError(what, where=where, fix="divide each row by its Euclidean length")


def _has_unit_length(rows: NDArray[np.float32]) -> bool:
    return bool((np.abs(np.linalg.norm(rows, axis=1) - 1) < _UNIT).all())
