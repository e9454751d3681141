"""CE-GZSL: contrastive embedding for generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.ce_gzsl.params import CeGzslParams

SPEC = MethodSpec(
    name="ce-gzsl",
    title="CE-GZSL",
    paper="Han, Fu, Chen, Yang: Contrastive Embedding for Generalized Zero-Shot Learning, CVPR 2021",
    url="https://arxiv.org/abs/2103.16173",
    params=CeGzslParams,
    load="gzslbench_methods.ce_gzsl.method:CeGzsl",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """CE-GZSL."""
    return [SPEC]
