"""FREE: feature refinement for generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.free.params import FreeParams

SPEC = MethodSpec(
    name="free",
    title="FREE",
    paper="Chen, Wang, Xia, Peng, You, Zheng, Shao: FREE: Feature Refinement for Generalized Zero-Shot"
    " Learning, ICCV 2021",
    url="https://arxiv.org/abs/2107.13807",
    params=FreeParams,
    load="gzslbench_methods.free.method:Free",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """FREE."""
    return [SPEC]
