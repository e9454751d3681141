"""CNZSL: class normalization for zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.cnzsl.params import CnzslParams

SPEC = MethodSpec(
    name="cnzsl",
    title="CNZSL",
    paper="Skorokhodov, Elhoseiny: Class Normalization for (Continual)? Generalized Zero-Shot Learning,"
    " ICLR 2021",
    url="https://arxiv.org/abs/2006.11328",
    params=CnzslParams,
    load="gzslbench_methods.cnzsl.method:Cnzsl",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """CNZSL."""
    return [SPEC]
