"""ESZSL: an embarrassingly simple approach to zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, param, steps
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class EszslParams(MethodParams):
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


SPEC = MethodSpec(
    name="eszsl",
    title="ESZSL",
    paper="Romera-Paredes, Torr: An Embarrassingly Simple Approach to Zero-Shot Learning, ICML 2015",
    url="https://proceedings.mlr.press/v37/romera-paredes15.html",
    params=EszslParams,
    load="gzslbench_methods.eszsl.method:Eszsl",
    plain="gzslbench_methods.eszsl.plain:PlainEszsl",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ESZSL."""
    return [SPEC]
