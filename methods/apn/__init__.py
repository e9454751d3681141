"""APN: prototypes of attributes, found anywhere in an image, next to a map of the whole image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, linear, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class ApnParams(MethodParams):
    """Weights of the published program, for regions of a network that is not trained."""

    variant: str = param(
        "reference",
        "reference, as the published program: cross-entropy of probabilities, norms of whole groups; clean:"
        " cross-entropy of scores, and a norm of each group in each channel, as the paper writes it",
        choices=("reference", "clean"),
    )
    epochs: int = param(30, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate of Adam", above=0, search=log(1e-5, 1e-2))
    beta1: float = param(0.5, "first moment decay of Adam", low=0, high=0.999)
    pooling: str = param(
        "max", "what the map of the whole image takes of its regions", choices=("max", "mean")
    )
    regression: float = param(1e-2, "weight of the map's squared distance to the semantics", low=0)
    groups: float = param(5e-5, "weight of the norms of the map's groups of attributes", low=0)
    local_class: float = param(1.0, "weight of the cross-entropy of the prototypes", low=0)
    local_regression: float = param(
        0.1, "weight of the prototypes' squared distance to the semantics", low=0, search=log(1e-3, 1.0)
    )
    local_groups: float = param(4e-2, "weight of the norms of the prototypes' groups", low=0)
    compactness: float = param(1e-9, "weight of what a prototype finds far from its best region", low=0)
    local_share: float = param(
        0.5, "share of the prototypes in the probabilities that classify; the map has the rest", low=0, high=1
    )
    seen_penalty: float = param(
        0.7, "subtracted from the probabilities of seen classes", low=0, high=1, search=linear(0.0, 1.0)
    )


SPEC = MethodSpec(
    name="apn",
    title="APN",
    paper="Xu, Xian, Wang, Schiele, Akata: Attribute Prototype Network for Zero-Shot Learning, NeurIPS 2020",
    url="https://arxiv.org/abs/2008.08290",
    params=ApnParams,
    load="gzslbench_methods.apn.method:Apn",
    plain="gzslbench_methods.apn.plain:PlainApn",
    kind="scoring",
    preprocessing="none",
    features="regions",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """APN."""
    return [SPEC]
