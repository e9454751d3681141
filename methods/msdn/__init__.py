"""MSDN: two attentions, of attributes over regions and of regions over attributes, that teach each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, linear, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class MsdnParams(MethodParams):
    """Settings of the published program."""

    variant: str = param(
        "reference",
        "the losses: reference, as the published program computes them; clean, as the paper writes them:"
        " cross-entropy among seen classes, distillation by probabilities",
        choices=("reference", "clean"),
    )
    epochs: int = param(30, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(50, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate of RMSprop", above=0, search=log(1e-5, 1e-3))
    momentum: float = param(0.9, "momentum of RMSprop", low=0, high=1)
    weight_decay: float = param(1e-4, "penalty on half the squared weights", low=0)
    calibration: float = param(
        0.1, "weight of the loss that keeps probability for unseen classes", low=0, search=linear(0.0, 0.3)
    )
    distillation: float = param(
        1e-3,
        "weight of the loss by which both sub-nets teach each other",
        low=0,
        search=log(1e-5, 1e-1),
    )
    margin: float = param(
        1.0, "added to scores of unseen classes, and subtracted from those of seen ones", low=0
    )
    first_share: float = param(
        0.9,
        "share of the first sub-net in the scores that classify; the second one has the rest",
        low=0,
        high=1,
    )
    unit_vectors: bool = param(
        False, "whether the vectors of the attributes keep length 1 while they are trained"
    )
    nonnegative: bool = param(False, "whether negative values of semantics count as 0")
    balanced: bool = param(
        False, "whether a batch has rows of as many classes as possible, equally many of each"
    )


SPEC = MethodSpec(
    name="msdn",
    title="MSDN",
    paper="Chen, Hong, Xie, Yang, Peng, Wang, Zhao, You: MSDN: Mutually Semantic Distillation Network for"
    " Zero-Shot Learning, CVPR 2022",
    url="https://arxiv.org/abs/2203.03137",
    params=MsdnParams,
    load="gzslbench_methods.msdn.method:Msdn",
    plain="gzslbench_methods.msdn.plain:PlainMsdn",
    kind="scoring",
    setting="class-transductive",
    preprocessing="l2",
    features="regions",
    attributes=True,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """MSDN."""
    return [SPEC]
