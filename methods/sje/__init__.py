"""SJE: structured joint embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, param
from gzslbench_methods.params import BilinearParams


@dataclass(frozen=True)
class SjeParams(BilinearParams):
    """Those of bilinear compatibilities, and how the most violating class is found."""

    search: str = param(
        "plain",
        "by which scores the most violating class is found: plain, those of the method; scaled, those of the"
        " images at mean 0 and deviation 1, as the reimplementation does that the presets come from",
        choices=("plain", "scaled"),
    )


SPEC = MethodSpec(
    name="sje",
    title="SJE",
    paper="Akata, Reed, Walter, Lee, Schiele: Evaluation of Output Embeddings for Fine-Grained Image"
    " Classification, CVPR 2015",
    url="https://arxiv.org/abs/1409.8403",
    params=SjeParams,
    load="gzslbench_methods.sje.method:Sje",
    plain="gzslbench_methods.sje.plain:PlainSje",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SJE."""
    return [SPEC]
