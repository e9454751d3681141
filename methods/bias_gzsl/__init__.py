"""Bias-GZSL: a compatibility function with a temperature, for bias-aware zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class BiasGzslParams(MethodParams):
    """Settings of the published program."""

    epochs: int = param(15, "passes over the training rows", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(0.01, "learning rate", above=0, search=log(1e-4, 1e-1))
    momentum: float = param(0.9, "Nesterov's momentum", above=0, high=0.999)
    weight_decay: float = param(5e-5, "penalty on half the squared weights and biases", low=0)
    hidden: int = param(
        1024, "width of the second hidden layer; the first has twice as much (nhidden)", low=1, unit="units"
    )
    dropout: float = param(0.5, "share of the first hidden layer's units that are dropped", low=0, high=0.99)
    temperature: float = param(0.05, "what cosines are divided by (temp)", above=0, search=log(0.01, 1.0))
    variant: str = param(
        "reference",
        "of the cosine schedule: reference, one epoch ahead, as published, so that the last epoch has a"
        " learning rate of 0; clean, from the full learning rate on",
        choices=("reference", "clean"),
    )


SPEC = MethodSpec(
    name="bias-gzsl",
    title="Bias-GZSL",
    paper="Thong, Snoek: Bias-Awareness for Zero-Shot Learning the Seen and Unseen, BMVC 2020",
    url="https://arxiv.org/abs/2008.11185",
    params=BiasGzslParams,
    load="gzslbench_methods.bias_gzsl.method:BiasGzsl",
    plain="gzslbench_methods.bias_gzsl.plain:PlainBiasGzsl",
    kind="scoring",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """Bias-GZSL."""
    return [SPEC]
