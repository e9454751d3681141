"""What a method may see, and what only the evaluator sees.

The test features exist only in the EvalView, which no method receives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.data.dataset import Dataset
from gzslbench.data.preprocessing import fit_preprocessing
from gzslbench.data.region_rows import RegionReader, RegionRows
from gzslbench.errors import PluginError, did_you_mean
from gzslbench.plugins.inputs import ClassTransductiveView, TrainView, TransductiveView
from gzslbench.plugins.spec import SETTINGS, Setting

_PART = 512
"""Rows that are hashed at once."""


@dataclass(frozen=True)
class EvalView:
    """What only the evaluator sees. Labels are positions among the K candidate classes.

    Attributes:
        seen_features: ``(n_s, d)`` features of test_seen; ``(n_s, R, d)`` regions are read when indexed.
        seen_labels: ``(n_s,)`` int64 in 0..K-1.
        unseen_features: ``(n_u, d)`` features of test_unseen.
        unseen_labels: ``(n_u,)`` int64 in 0..K-1.
        semantics: ``(K, a)`` of the candidates: the split's seen and unseen classes.
        seen: ``(K,)`` bool, which candidates are seen; the i-th seen candidate is row i of the
            TrainView's semantics.
        classes: ``(K,)`` ids of the candidates in the dataset, increasing.
        real_unseen: For the control ``oracle``, ``(n_c, d)`` features of each unseen class for the head.
    """

    seen_features: Tensor
    seen_labels: Tensor
    unseen_features: Tensor
    unseen_labels: Tensor
    semantics: Tensor
    seen: Tensor
    classes: NDArray[np.int64]
    real_unseen: tuple[Tensor, ...] | None = None

    @cached_property
    def features(self) -> Tensor:
        """All test features, ``(n_s + n_u, d)``, test_seen first; computed once."""
        seen, unseen = as_region_rows(self.seen_features), as_region_rows(self.unseen_features)
        if seen is not None and unseen is not None:
            return seen.followed_by(unseen)  # type: ignore[return-value]
        return torch.cat([self.seen_features, self.unseen_features])

    @cached_property
    def labels(self) -> Tensor:
        """The labels of ``features``, ``(n_s + n_u,)``."""
        return torch.cat([self.seen_labels, self.unseen_labels])


def make_views(
    dataset: Dataset, preprocessing: str, device: torch.device | str, setting: Setting = "inductive"
) -> tuple[TrainView, EvalView]:
    """Preprocess (fitted on the seen training rows only) and put both views on ``device``."""
    split, seen, unseen = dataset.split, dataset.seen_classes, dataset.unseen_classes
    classes = np.union1d(seen, unseen)
    features = _feature_reader(dataset, preprocessing, torch.device(device))

    def labels(rows: NDArray[np.int64], among: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.searchsorted(among, dataset.labels[rows])).to(device)

    def semantics(of: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(dataset.semantics[of])).to(device)

    held_out = EvalView(
        seen_features=features(split.test_seen),
        seen_labels=labels(split.test_seen, classes),
        unseen_features=features(split.test_unseen),
        unseen_labels=labels(split.test_unseen, classes),
        semantics=semantics(classes),
        seen=torch.from_numpy(np.isin(classes, seen)).to(device),
        classes=classes,
    )
    names, described = dataset.described_classes or dataset.class_names, dataset.attributes
    train = TrainView(
        features(split.trainval),
        labels(split.trainval, seen),
        semantics(seen),
        class_names=tuple(names[i] for i in seen),
        attribute_names=() if described is None else described.names,
        # A copy, for the method may write into it.
        attribute_vectors=None if described is None else torch.tensor(described.vectors, device=device),
    )
    unseen_names = tuple(names[i] for i in unseen)
    return _widen(train, held_out, unseen_names, setting), held_out


def as_region_rows(features: object) -> RegionRows | None:
    """Return the features of a view if they are read from a file; the type of a view says Tensor for both."""
    return features if isinstance(features, RegionRows) else None


def _feature_reader(
    dataset: Dataset, preprocessing: str, device: torch.device
) -> Callable[[NDArray[np.int64]], Any]:
    """Return a function from row numbers to preprocessed features: a tensor, or RegionRows of regions."""
    if dataset.features.ndim == 3:
        return RegionReader(dataset.features, preprocessing, device).rows
    transform = fit_preprocessing(preprocessing, dataset.features[dataset.split.trainval])
    return lambda rows: torch.from_numpy(transform(dataset.features[rows])).to(device)


def _widen(
    train: TrainView, held_out: EvalView, unseen_names: tuple[str, ...], setting: Setting
) -> TrainView:
    """Add what a transductive ``setting`` may see in addition to ``train``."""
    if setting in ("inductive", "evolving"):  # the stream of an evolving method is not for training
        return train
    known: dict[str, Any] = {**vars(train), "unseen_class_names": unseen_names}
    known["unseen_semantics"] = held_out.semantics[~held_out.seen]
    if setting == "class-transductive":
        return ClassTransductiveView(**known)
    if setting == "transductive":
        return TransductiveView(**known, unlabelled=_sort_by_hash(held_out.features))
    fix = did_you_mean(setting, [*SETTINGS])
    raise PluginError(f"no setting {setting!r}", where="MethodSpec.setting", fix=fix)


def _sort_by_hash(rows: Any) -> Any:
    """Return ``(m, d)`` rows, or regions, sorted by the sha256 of their bytes."""
    parts = (rows[start : start + _PART].cpu().numpy() for start in range(0, len(rows), _PART))
    hashes = [hashlib.sha256(row.tobytes()).digest() for part in parts for row in part]
    order = sorted(range(len(hashes)), key=hashes.__getitem__)
    return rows[torch.tensor(order, device=rows.device)]
