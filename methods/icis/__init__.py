"""ICIS: image-free classifier injection, which sees only a classifier of the seen classes and semantics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class IcisParams(MethodParams):
    """Settings of the published program; those of the seen classifier come first."""

    classifier_epochs: int = param(
        100, "passes over the training rows that train the seen classifier", low=1, unit="epochs"
    )
    classifier_batch_size: int = param(16, "rows a step of the seen classifier", low=1, unit="rows")
    classifier_lr: float = param(1e-4, "learning rate of the seen classifier", above=0)
    epochs: int = param(100, "passes over the classes that train the networks", low=1, unit="epochs")
    batch_size: int = param(16, "classes a step", low=1, unit="classes")
    lr: float = param(1e-5, "learning rate of the networks", above=0, search=log(1e-6, 1e-3))
    beta1: float = param(0.9, "first moment decay of every optimizer", low=0, high=0.999)
    hidden: int = param(2048, "width of both codes (embed_dim)", low=1, unit="units")
    include_unseen: bool = param(
        True, "whether the semantics of unseen classes are rebuilt, too, while the networks train"
    )
    length: str = param(
        "predicted",
        "length of the weights of an unseen class: predicted, as published, or seen, the mean length of the"
        " seen classes' weights",
        choices=("predicted", "seen"),
    )


SPEC = MethodSpec(
    name="icis",
    title="ICIS",
    paper="Christensen, Mancini, Koepke, Winther, Akata: Image-free Classifier Injection for Zero-Shot"
    " Classification, ICCV 2023",
    url="https://arxiv.org/abs/2308.10599",
    params=IcisParams,
    load="gzslbench_methods.icis.method:Icis",
    plain="gzslbench_methods.icis.plain:PlainIcis",
    kind="scoring",
    setting="class-transductive",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """ICIS."""
    return [SPEC]
