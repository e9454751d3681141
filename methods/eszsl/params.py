"""Parameters of ESZSL."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import steps


@dataclass(frozen=True)
class EszslParams(Params):
    """Both penalties, as the exponents that are searched over, and how the labels are written."""

    alpha: float = param(
        3.0,
        "exponent of the penalty 10^alpha on the features' side (the paper's gamma)",
        low=-10,
        high=10,
        search=steps(-3.0, 3.0, 1.0),
    )
    gamma: float = param(
        0.0,
        "exponent of the penalty 10^gamma on the semantics' side (the paper's lambda)",
        low=-10,
        high=10,
        search=steps(-3.0, 3.0, 1.0),
    )
    targets: str = param(
        "binary",
        "what a row's other classes are trained toward: binary 0, as the common reimplementation has it,"
        " signed -1, as the paper has it",
        choices=("binary", "signed"),
    )
