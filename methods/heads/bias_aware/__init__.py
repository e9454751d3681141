"""The bias-aware head: a compatibility function with a temperature and a regularized entropy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import HeadSpec, Params, hookimpl, param


@dataclass(frozen=True)
class BiasAwareParams(Params):
    """Settings of the published program."""

    per_class: int = param(
        0, "synthesized features for each unseen class; 0 takes the method's", low=0, unit="features"
    )
    epochs: int = param(25, "epochs of the head", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(0.01, "learning rate", above=0)
    decay: bool = param(True, "whether the learning rate follows half a cosine to 0 in the last epoch")
    momentum: float = param(0.9, "Nesterov's momentum", above=0, high=0.999)
    weight_decay: float = param(5e-5, "penalty on half the squared weights and biases", low=0)
    hidden: int = param(
        1024, "width of the second hidden layer; the first has twice as much (nhidden)", low=1, unit="units"
    )
    dropout: float = param(0.5, "share of the first hidden layer's units that are dropped", low=0, high=0.99)
    temperature: float = param(0.05, "what cosines are divided by (temp)", above=0)
    entropy_weight: float = param(0.1, "weight of both entropy terms (ent)", low=0)
    margin: float = param(
        0.2,
        "by how much the entropy over the seen classes is to be larger for rows of unseen classes, and"
        " the other way round",
        low=0,
        unit="nats",
    )


SPEC = HeadSpec(
    name="bias-aware",
    title="Bias-aware",
    paper="Thong, Snoek: Bias-Awareness for Zero-Shot Learning the Seen and Unseen, BMVC 2020",
    url="https://arxiv.org/abs/2008.11185",
    params=BiasAwareParams,
    load="gzslbench_methods.heads.bias_aware.head:BiasAware",
)


@hookimpl
def gzslbench_heads() -> Iterable[HeadSpec]:
    """The bias-aware head."""
    return [SPEC]
