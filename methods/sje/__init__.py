"""SJE: structured joint embedding."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.sje.params import SjeParams

SPEC = MethodSpec(
    name="sje",
    title="SJE",
    paper="Akata, Reed, Walter, Lee, Schiele: Evaluation of Output Embeddings for Fine-Grained Image"
    " Classification, CVPR 2015",
    url="https://arxiv.org/abs/1409.8403",
    params=SjeParams,
    load="gzslbench_methods.sje.method:Sje",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SJE."""
    return [SPEC]
