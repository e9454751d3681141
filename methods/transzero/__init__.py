"""TransZero: a transformer in which attributes read regions of an image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, linear, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class TransZeroParams(MethodParams):
    """Settings of the published program."""

    variant: str = param(
        "reference",
        "reference, as the published program: cross-entropy among all classes, two residual steps around the"
        " attention of regions, a tenth of its weights dropped, distances of regions in units of the image;"
        " clean: among seen classes, one residual step, dropout as elsewhere, distances in units of a region",
        choices=("reference", "clean"),
    )
    epochs: int = param(200, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(50, "rows a step", low=1, unit="rows")
    optimizer: str = param("adam", "optimizer of all networks", choices=("adam", "sgd"))
    lr: float = param(1e-4, "learning rate", above=0, search=log(1e-5, 1e-3))
    momentum: float = param(0.0, "momentum of sgd; adam has its own", low=0, high=1)
    weight_decay: float = param(1e-4, "penalty on half the squared weights", low=0)
    width: int = param(300, "width of regions and attributes within the transformer", low=1, unit="units")
    hidden: int = param(512, "hidden width of its two-layer networks", low=1, unit="units")
    dropout: float = param(0.4, "share of values that are set to 0 in training", low=0, high=0.9)
    geometry: bool = param(True, "whether a region attends less to others by where they lie")
    self_attention: bool = param(True, "whether attributes attend to each other before they read regions")
    calibration: float = param(
        0.3, "weight of the loss that keeps probability for unseen classes", low=0, search=linear(0.0, 1.0)
    )
    regression: float = param(
        0.005, "weight of the squared distance to the semantics", low=0, search=log(1e-5, 1e-1)
    )
    margin: float = param(
        1.0, "added to scores of unseen classes, and subtracted from those of seen ones", low=0
    )
    unit_vectors: bool = param(
        False, "whether the vectors of the attributes keep length 1 while they are trained"
    )
    nonnegative: bool = param(False, "whether negative values of semantics count as 0")
    balanced: bool = param(
        False, "whether a batch has rows of as many classes as possible, equally many of each"
    )


SPEC = MethodSpec(
    name="transzero",
    title="TransZero",
    paper="Chen, Hong, Liu, Xie, Sun, Li, Peng, Lu, You: TransZero: Attribute-guided Transformer for"
    " Zero-Shot Learning, AAAI 2022",
    url="https://arxiv.org/abs/2112.01683",
    params=TransZeroParams,
    load="gzslbench_methods.transzero.method:TransZero",
    plain="gzslbench_methods.transzero.plain:PlainTransZero",
    kind="scoring",
    setting="class-transductive",
    preprocessing="l2",
    features="regions",
    attributes=True,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """TransZero."""
    return [SPEC]
