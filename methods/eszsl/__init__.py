"""ESZSL: an embarrassingly simple approach to zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.eszsl.params import EszslParams

SPEC = MethodSpec(
    name="eszsl",
    title="ESZSL",
    paper="Romera-Paredes, Torr: An Embarrassingly Simple Approach to Zero-Shot Learning, ICML 2015",
    url="https://proceedings.mlr.press/v37/romera-paredes15.html",
    params=EszslParams,
    load="gzslbench_methods.eszsl.method:Eszsl",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ESZSL."""
    return [SPEC]
