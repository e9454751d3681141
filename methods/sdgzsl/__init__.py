"""SDGZSL: semantics disentangling for generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.sdgzsl.params import SdgzslParams

SPEC = MethodSpec(
    name="sdgzsl",
    title="SDGZSL",
    paper="Chen, Luo, Qiu, Huang, Li, Zhang: Semantics Disentangling for Generalized Zero-Shot Learning,"
    " ICCV 2021",
    url="https://arxiv.org/abs/2101.07978",
    params=SdgzslParams,
    load="gzslbench_methods.sdgzsl.method:Sdgzsl",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SDGZSL."""
    return [SPEC]
