"""DEM: the deep embedding model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class DemParams(MethodParams):
    """Settings of the published code."""

    epochs: int = param(2700, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate", above=0)
    weight_decay: float = param(
        1e-3, "penalty on half the squared weights and biases", low=0, search=log(1e-6, 1e-1)
    )
    hidden: int = param(1600, "width of the hidden layer", low=1, unit="units")
    neighbour: str = param(
        "euclidean",
        "what the nearest class is nearest by",
        choices=("euclidean", "cosine"),
        omit_default=True,
    )
    variant: str = param(
        "clean",
        "how the layers start: reference, as the published code, from a truncated normal with deviation 0.1"
        " and biases of 0.1; clean, from N(0, 0.02) and zero biases",
        choices=("reference", "clean"),
        omit_default=True,
    )


SPEC = MethodSpec(
    name="dem",
    title="DEM",
    paper="Zhang, Xiang, Gong: Learning a Deep Embedding Model for Zero-Shot Learning, CVPR 2017",
    url="https://arxiv.org/abs/1611.05088",
    params=DemParams,
    load="gzslbench_methods.dem.method:Dem",
    plain="gzslbench_methods.dem.plain:PlainDem",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DEM."""
    return [SPEC]
