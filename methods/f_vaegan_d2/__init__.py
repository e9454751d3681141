"""f-VAEGAN-D2: a feature generating framework for any-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.f_vaegan_d2.params import FVaeganParams

SPEC = MethodSpec(
    name="f-vaegan-d2",
    title="f-VAEGAN-D2",
    paper="Xian, Sharma, Schiele, Akata: f-VAEGAN-D2: A Feature Generating Framework for Any-Shot Learning,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1903.10132",
    params=FVaeganParams,
    load="gzslbench_methods.f_vaegan_d2.method:FVaegan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """f-VAEGAN-D2."""
    return [SPEC]
