"""SAE: the semantic autoencoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, Params, hookimpl, log, param


@dataclass(frozen=True)
class SaeParams(Params):
    """The weight of the encoder's loss, and the space in which features and classes meet."""

    weight: float = param(
        500000.0,
        "weight of the encoder's loss against the decoder's (the paper's lambda)",
        above=0,
        search=log(0.01, 1e6),
    )
    compare_in: str = param(
        "features",
        "features: the decoder maps each class's semantics to a feature vector; semantics: the encoder maps"
        " each feature vector to semantics",
        choices=("features", "semantics"),
    )


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
