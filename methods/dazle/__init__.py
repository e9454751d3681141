"""DAZLE: dense attribute-based attention over the regions of an image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, linear, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class DazleParams(MethodParams):
    """Settings of the published notebooks."""

    epochs: int = param(20, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(50, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate of RMSprop", above=0, search=log(1e-5, 1e-3))
    momentum: float = param(0.9, "momentum of RMSprop", low=0, high=1)
    weight_decay: float = param(1e-4, "penalty on half the squared weights", low=0)
    calibration: float = param(
        0.1, "weight of the loss that keeps probability for unseen classes", low=0, search=linear(0.0, 0.3)
    )
    margin: float = param(
        1.0, "added to scores of unseen classes, and subtracted from those of seen ones", low=0
    )
    train_vectors: bool = param(True, "whether the vectors of the attributes are trained as well")
    unit_vectors: bool = param(False, "whether the vectors keep length 1 while they are trained")
    balanced: bool = param(
        False, "whether a batch has rows of as many classes as possible, equally many of each"
    )


SPEC = MethodSpec(
    name="dazle",
    title="DAZLE",
    paper="Huynh, Elhamifar: Fine-Grained Generalized Zero-Shot Learning via Dense Attribute-Based Attention,"
    " CVPR 2020",
    url="https://openaccess.thecvf.com/content_CVPR_2020/html/"
    "Huynh_Fine-Grained_Generalized_Zero-Shot_Learning_via_Dense_Attribute-Based_Attention_CVPR_2020_paper.html",
    params=DazleParams,
    load="gzslbench_methods.dazle.method:Dazle",
    plain="gzslbench_methods.dazle.plain:PlainDazle",
    kind="scoring",
    setting="class-transductive",
    preprocessing="l2",
    features="regions",
    attributes=True,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DAZLE."""
    return [SPEC]
