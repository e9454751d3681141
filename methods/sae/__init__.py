"""SAE: the semantic autoencoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.errors import ParamError
from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import MethodParams

DEFAULT_WEIGHT = 0.2
"""What the reimplementation uses on CUB and AWA2."""


@dataclass(frozen=True)
class SaeParams(MethodParams):
    """The weight of the encoder's loss, and the space in which features and classes are compared."""

    choose_weight: bool = param(
        False, "whether the weight is chosen on held-out seen classes, and the two weights below stay unused"
    )
    weight: float = param(
        DEFAULT_WEIGHT,
        "weight of the encoder's loss against the decoder's (the paper's lambda) if compared in features",
        above=0,
        search=log(1e-4, 100.0),
    )
    semantics_weight: float = param(
        DEFAULT_WEIGHT, "the same weight if compared in semantics", above=0, search=log(1e-4, 100.0)
    )
    compare_in: str = param(
        "features",
        "features: the decoder maps each class's semantics to a feature vector; semantics: the encoder maps"
        " each feature vector to semantics",
        choices=("features", "semantics"),
    )

    def __post_init__(self) -> None:
        """Refuse a weight that would have no effect."""
        super().__post_init__()
        if self.choose_weight and {self.weight, self.semantics_weight} != {DEFAULT_WEIGHT}:
            raise ParamError(
                "a weight is set, but choose_weight chooses it",
                where="sae",
                fix="add --set choose_weight=false to use your weight",
            )


SPEC = MethodSpec(
    name="sae",
    title="SAE",
    paper="Kodirov, Xiang, Gong: Semantic Autoencoder for Zero-Shot Learning, CVPR 2017",
    url="https://arxiv.org/abs/1704.08345",
    params=SaeParams,
    load="gzslbench_methods.sae.method:Sae",
    plain="gzslbench_methods.sae.plain:PlainSae",
    kind="scoring",
    preprocessing="none",
    version=2,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SAE."""
    return [SPEC]
