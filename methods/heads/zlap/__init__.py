"""ZLAP: a prototype head with zero-shot logit adjustment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import HeadSpec, Params, hookimpl, param


@dataclass(frozen=True)
class ZlapParams(Params):
    """Settings of the published code."""

    per_class: int = param(10, "synthesized features for each unseen class", low=1, unit="features")
    epochs: int = param(60, "epochs of the head", low=1, unit="epochs")
    batch_size: int = param(512, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate", above=0)
    beta1: float = param(0.5, "first moment decay of Adam", low=0, high=0.999)
    lr_halved_at: int = param(30, "epochs after which the learning rate is halved", low=1, unit="epochs")
    weight_decay: float = param(1e-4, "penalty on half the squared weights", low=0)
    hidden: int = param(1024, "hidden width of the prototype network", low=1, unit="units")
    temperature: float = param(0.04, "what cosines are divided by", above=0)
    seen_ratio: float = param(
        30.0, "prior probability of the seen classes over that of the unseen ones, while it trains", above=0
    )


SPEC = HeadSpec(
    name="zlap",
    title="ZLAP",
    paper="Chen, Shen, Zhang, Torr: Zero-Shot Logit Adjustment, IJCAI 2022",
    url="https://arxiv.org/abs/2204.11822",
    params=ZlapParams,
    load="gzslbench_methods.heads.zlap.head:Zlap",
    version=2,
)


@hookimpl
def gzslbench_heads() -> Iterable[HeadSpec]:
    """ZLAP."""
    return [SPEC]
