from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from gzslbench.evaluation.predictions import Predictions


@pytest.fixture
def full_batches():
    """The published rule: at the end of a permutation the batch is filled from the next one, row by row."""

    def batches(rows, size, random):
        size, waiting = min(size, rows), []
        while True:
            batch = []
            while len(batch) < size:
                waiting = waiting or torch.randperm(rows, generator=random).tolist()
                batch.append(waiting.pop(0))
            yield batch

    return batches


@dataclass
class ScoredRows:
    """Scores of the test rows, test_seen first, and the predictions that a plain loop reads off them."""

    scores: np.ndarray
    labels: np.ndarray
    seen: np.ndarray

    @property
    def predictions(self) -> Predictions:
        rows: dict[str, list[Any]] = {"best_seen": [], "best_unseen": [], "gap": [], "zsl": []}
        for row, label in zip(self.scores, self.labels, strict=True):
            best = {}
            for side in (True, False):
                candidates = [k for k in range(len(self.seen)) if self.seen[k] == side]
                best[side] = max(candidates, key=lambda k: row[k])
            rows["best_seen"].append(best[True])
            rows["best_unseen"].append(best[False])
            rows["gap"].append(row[best[True]] - row[best[False]])
            if not self.seen[label]:
                rows["zsl"].append(best[False])
        gap = np.array(rows.pop("gap"), np.float32)
        integers = {name: np.array(values, np.int64) for name, values in rows.items()}
        return Predictions(labels=self.labels, gap=gap, seen=self.seen, **integers)


@st.composite
def _scored(draw: st.DrawFn) -> ScoredRows:
    seen = np.array(draw(st.permutations([True, False, *draw(st.lists(st.booleans(), max_size=5))])))

    def labels(side: bool) -> list[int]:
        return draw(st.lists(st.sampled_from(np.flatnonzero(seen == side).tolist()), min_size=1, max_size=9))

    label = np.array(labels(True) + labels(False), np.int64)
    eighths = st.integers(-16, 16)
    row = st.lists(eighths, min_size=len(seen), max_size=len(seen))
    scores = np.array(draw(st.lists(row, min_size=len(label), max_size=len(label)))) / 8
    return ScoredRows(scores, label, seen)


@pytest.fixture(scope="session")
def any_scored() -> st.SearchStrategy[ScoredRows]:
    """Small problems whose scores often tie; sums and differences of them are exact in float32."""
    return _scored()


@pytest.fixture(scope="session")
def table() -> Predictions:
    """Worked by hand: seen classes 0 and 1 (2 is a third without rows), unseen classes 3 and 4.

    | row | true | best seen | best unseen | gap  | predicted | right |
    | 0   | 0    | 0         | 3           | 2    | 0         | yes   |
    | 1   | 0    | 0         | 3           | 0    | 0         | yes   |
    | 2   | 0    | 2         | 4           | 1    | 2         | no    |
    | 3   | 1    | 1         | 3           | -1   | 3         | no    |
    | 4   | 3    | 0         | 3           | 1    | 0         | no    |
    | 5   | 3    | 1         | 3           | -2   | 3         | yes   |
    | 6   | 4    | 1         | 4           | -0.5 | 4         | yes   |

    S = (2/3 + 0) / 2 = 1/3; U = (1/2 + 1) / 2 = 3/4; H = 2 * 1/3 * 3/4 / (13/12) = 6/13; T1 = 1.
    """
    return Predictions(
        labels=np.array([0, 0, 0, 1, 3, 3, 4]),
        best_seen=np.array([0, 0, 2, 1, 0, 1, 1]),
        best_unseen=np.array([3, 3, 4, 3, 3, 3, 4]),
        gap=np.array([2, 0, 1, -1, 1, -2, -0.5], np.float32),
        zsl=np.array([3, 3, 4]),
        seen=np.array([True, True, True, False, False]),
    )
