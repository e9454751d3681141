"""The numbers GZSL papers report, in percent."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Metrics:
    """All in percent, 0 to 100.

    Attributes:
        U: Per-class top-1 accuracy of the unseen test rows, all classes as candidates.
        S: The same of the seen test rows.
        H: Harmonic mean of U and S; 0 where both are 0.
        T1: Per-class top-1 accuracy of the unseen test rows, unseen classes as candidates.
        AUSUC: Area under the seen-unseen curve (Chao et al., ECCV 2016), per-class weighted.
    """

    U: float
    S: float
    H: float
    T1: float
    AUSUC: float

    def as_dict(self) -> dict[str, float]:
        """The five numbers by name."""
        return asdict(self)
