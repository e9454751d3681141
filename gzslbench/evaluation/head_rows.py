"""What a head is fitted on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class HeadRows:
    """Embedded features of K competing classes, all on one device.

    Attributes:
        features: ``(n, e)`` float32.
        labels: ``(n,)`` int64 in 0..K-1.
        semantics: ``(K, a)``.
        seen: ``(K,)`` bool, which classes are seen.
        unlabelled: ``(m, e)`` test rows in a random order, for a transductive head; None for others.
    """

    features: Tensor
    labels: Tensor
    semantics: Tensor
    seen: Tensor
    unlabelled: Tensor | None = None
