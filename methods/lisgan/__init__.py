"""LisGAN: leveraging the invariant side of generative zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.f_clswgan import FClswganParams


@dataclass(frozen=True)
class LisGanParams(FClswganParams):
    """Settings of the published code; the final classifier is that of its inductive first stage."""

    pretrain_epochs: int = param(100, "passes that train the seen-class classifier", low=1, unit="epochs")
    head_epochs: int = param(50, "epochs of the head over all classes", low=1, unit="epochs")
    zsl_epochs: int = param(
        50,
        "epochs of the head over the unseen classes alone; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    clusters: int = param(3, "soul samples of each seen class", low=1, unit="samples")
    sample_weight: float = param(
        0.001,
        "weight of each fake's distance to the nearest soul sample (the code's proto_param2)",
        low=0,
        search=log(1e-5, 0.1),
    )
    mean_weight: float = param(
        0.01,
        "weight of the same distance of a class's mean fake (the code's proto_param1)",
        low=0,
        search=log(1e-4, 1.0),
    )
    mean_of: int = param(20, "fakes of each seen class whose mean is taken", low=1, unit="features")
    head_batch_size: int = param(
        0, "rows a step of the head; 0 takes twice syn_num, as published", low=0, unit="rows"
    )


SPEC = MethodSpec(
    name="lisgan",
    title="LisGAN",
    paper="Li, Jing, Lu, Ding, Zhu, Huang: Leveraging the Invariant Side of Generative Zero-Shot Learning,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1904.04092",
    params=LisGanParams,
    load="gzslbench_methods.lisgan.method:LisGan",
    plain="gzslbench_methods.lisgan.plain:PlainLisGan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """LisGAN."""
    return [SPEC]
