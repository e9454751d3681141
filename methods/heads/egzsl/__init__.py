"""EGZSL: a prototype head that goes on learning from the unlabelled rows that it classifies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import HeadSpec, hookimpl, param
from gzslbench_methods.heads.zlap import ZlapParams


@dataclass(frozen=True)
class EgzslParams(ZlapParams):
    """Settings of ZLAP, which the head starts from, and of the stream."""

    stream_rows: int = param(
        100, "test rows that are classified before the next step (nShot and BatchSize)", low=1, unit="rows"
    )
    stream_lr: float = param(5e-5, "learning rate on the stream", above=0)
    stream_beta1: float = param(0.99, "first moment decay of Adam on the stream", low=0, high=0.999)
    threshold: float = param(
        0.5, "share of a class's usual probability above which a row is learned (tau)", low=0
    )
    usual_decay: float = param(
        0.9, "share of a class's usual probability that a batch leaves (m2)", low=0, high=1
    )
    average_decay: float = param(0.99, "share of the averaged weights that a step leaves (m1)", low=0, high=1)
    kl_weight: float = param(1.0, "weight of the divergence from the averaged network (weight_kl)", low=0)
    variant: str = param(
        "reference",
        "reference, as the published program: the usual probability of a class that the first batch does not"
        " have starts at 0; clean: it starts where the class first appears",
        choices=("reference", "clean"),
    )


SPEC = HeadSpec(
    name="egzsl",
    title="EGZSL",
    paper="Chen, Jiang, Zhang: Evolutionary Generalized Zero-Shot Learning, IJCAI 2024",
    url="https://arxiv.org/abs/2211.13174",
    params=EgzslParams,
    load="gzslbench_methods.heads.egzsl.head:Egzsl",
    setting="evolving",
)


@hookimpl
def gzslbench_heads() -> Iterable[HeadSpec]:
    """EGZSL."""
    return [SPEC]
