"""f-CLSWGAN: feature generating networks for zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import GanParams, HeadParams


@dataclass(frozen=True)
class FClswganParams(HeadParams, GanParams):
    """Settings of the published PyTorch code; names follow its command line where it has one."""

    cls_weight: float = param(
        0.01, "weight of the classification loss in the generator's loss (beta)", low=0, search=log(1e-3, 1.0)
    )
    pretrain_epochs: int = param(50, "passes that train the seen-class classifier", low=1, unit="epochs")
    pretrain_lr: float = param(1e-3, "learning rate of the seen-class classifier", above=0)
    pretrain_batch_size: int = param(100, "rows a step of the seen-class classifier", low=1, unit="rows")


SPEC = MethodSpec(
    name="f-clswgan",
    title="f-CLSWGAN",
    paper="Xian, Lorenz, Schiele, Akata: Feature Generating Networks for Zero-Shot Learning, CVPR 2018",
    url="https://arxiv.org/abs/1712.00981",
    params=FClswganParams,
    load="gzslbench_methods.f_clswgan.method:FClswgan",
    plain="gzslbench_methods.f_clswgan.plain:PlainFClswgan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """f-CLSWGAN."""
    return [SPEC]
