"""From scores of all classes to predictions, reduced where the scores lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.evaluation.predictions import Predictions


def predict(
    scores: Iterable[Tensor],
    labels: NDArray[np.int64],
    seen: Tensor,
    zsl: NDArray[np.int64] | None = None,
) -> Predictions:
    """The predictions that ``scores`` make.

    Args:
        scores: Blocks of ``(m, K)`` scores, n rows in all: test_seen, then test_unseen.
            Where they are not finite, neither is the gap.
        labels: ``(n,)`` true class among the K candidates.
        seen: ``(K,)`` bool, which candidates are seen; on the device of the scores.
        zsl: ``(n_u,)`` predictions with unseen candidates only; without them, ``scores`` make them too.
    """
    blocks = [_rank(block, seen) for block in scores]
    best_seen, best_unseen, gap = (torch.cat(parts).cpu().numpy() for parts in zip(*blocks, strict=True))
    mask = seen.cpu().numpy()
    if zsl is None:
        zsl = best_unseen[~mask[labels]]
    return Predictions(labels, best_seen, best_unseen, gap, zsl, mask)


def _rank(scores: Tensor, seen: Tensor) -> tuple[Any, Any, Any]:
    """Best seen class, best unseen class and the gap between their scores, each ``(m,)``."""
    lowest = -torch.inf
    seen_score, best_seen = scores.masked_fill(~seen, lowest).max(dim=1)
    unseen_score, best_unseen = scores.masked_fill(seen, lowest).max(dim=1)
    return best_seen, best_unseen, seen_score.float() - unseen_score.float()
