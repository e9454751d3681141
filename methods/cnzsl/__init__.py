"""CNZSL: class normalization for zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, linear, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class CnzslParams(MethodParams):
    """Settings of the published notebook."""

    epochs: int = param(50, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(256, "rows a step", low=1, unit="rows")
    lr: float = param(5e-4, "learning rate", above=0, search=log(1e-4, 1e-2))
    lr_decay_epoch: int = param(
        25, "the learning rate decays each time so many epochs are done", low=1, unit="epochs"
    )
    lr_decay_rate: float = param(0.1, "factor of each decay", above=0, high=1)
    weight_decay: float = param(1e-4, "penalty on half the squared weights", low=0)
    hidden: int = param(1024, "width of both hidden layers", low=1, unit="units")
    scale: float = param(
        5.0, "length of features and prototypes before their inner product", above=0, search=linear(1.0, 10.0)
    )
    normalization: str = param(
        "variance",
        "how hidden units are normalized over the classes: divided by their variance, as the published code"
        " does, by their deviation, as the paper writes it, or not at all",
        choices=("variance", "deviation", "none"),
    )
    seen_factor: float = param(
        0.95,
        "factor of the seen classes' scores when all classes compete",
        above=0,
        high=1,
        search=linear(0.8, 1.0),
    )


SPEC = MethodSpec(
    name="cnzsl",
    title="CNZSL",
    paper="Skorokhodov, Elhoseiny: Class Normalization for (Continual)? Generalized Zero-Shot Learning,"
    " ICLR 2021",
    url="https://arxiv.org/abs/2006.11328",
    params=CnzslParams,
    load="gzslbench_methods.cnzsl.method:Cnzsl",
    plain="gzslbench_methods.cnzsl.plain:PlainCnzsl",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """CNZSL."""
    return [SPEC]
