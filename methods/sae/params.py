"""Parameters of SAE."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import log


@dataclass(frozen=True)
class SaeParams(Params):
    """The weight of the encoder's loss, and the space in which features and classes meet."""

    weight: float = param(
        500000.0,
        "weight of the encoder's loss against the decoder's (the paper's lambda)",
        above=0,
        search=log(0.01, 1e6),
    )
    compare_in: str = param(
        "features",
        "features: the decoder maps each class's semantics to a feature vector; semantics: the encoder maps"
        " each feature vector to semantics",
        choices=("features", "semantics"),
    )
