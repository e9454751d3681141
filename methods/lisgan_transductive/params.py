"""Parameters of LisGAN's second stage."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param


@dataclass(frozen=True)
class LisGanTransductiveParams(Params):
    """How much of the second stage there is."""

    ratio: float = param(0.6, "share of the test rows that are added, the surest first", low=0, high=1)
    second_epochs: int = param(50, "epochs with the added rows", low=1, unit="epochs")
