"""SAE: the semantic autoencoder."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.sae.params import SaeParams

SPEC = MethodSpec(
    name="sae",
    title="SAE",
    paper="Kodirov, Xiang, Gong: Semantic Autoencoder for Zero-Shot Learning, CVPR 2017",
    url="https://arxiv.org/abs/1704.08345",
    params=SaeParams,
    load="gzslbench_methods.sae.method:Sae",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SAE."""
    return [SPEC]
