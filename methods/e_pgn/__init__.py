"""E-PGN: an episode-based network that generates visual prototypes from semantics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class EpgnParams(MethodParams):
    """Settings of the published program."""

    epochs: int = param(30, "epochs; each holds out other seen classes", low=1, unit="epochs")
    episodes: int = param(
        50, "iterations of an epoch on the classes that are not held out", low=1, unit="iterations"
    )
    inner_loop: int = param(
        100, "steps of an epoch that refine the prototypes on the held-out classes", low=1, unit="steps"
    )
    held_out_classes: int = param(
        10, "seen classes that an epoch holds out (selected_cla_num)", low=1, unit="classes"
    )
    batch_size: int = param(100, "rows a step on the classes that are not held out", low=1, unit="rows")
    refine_rows: int = param(512, "rows a step on the held-out classes", low=1, unit="rows")
    lr: float = param(5e-5, "learning rate", above=0, search=log(1e-5, 1e-3))
    refine_factor: float = param(0.1, "factor of the learning rate while refining", above=0, high=1)
    hidden: int = param(
        1800, "hidden width of the prototype network and of the inference network", low=1, unit="units"
    )
    critic_hidden: int = param(1200, "hidden width of the discriminators (mid_dim)", low=1, unit="units")
    dropout: float = param(
        0.2, "share of the inference network's hidden units that are dropped", low=0, high=0.99
    )
    critic_dropout: float = param(
        0.7, "share of the discriminators' hidden units that are dropped", low=0, high=0.99
    )
    activation: str = param("tanh", "of the inference network's hidden layer", choices=("tanh", "relu"))
    refine_over: str = param(
        "classes",
        "what the softmax of the refining loss runs over: the seen classes, as the published program of AWA1"
        " does, or the rows of the batch, as those of AWA2, CUB and FLO do",
        choices=("classes", "rows"),
    )
    variant: str = param(
        "reference",
        "reference, as the published program: two discriminators whose scores a ReLU ends, and every"
        " adversarial step moves all networks; clean: one discriminator with a sigmoid, trained in turn with"
        " the others",
        choices=("reference", "clean"),
    )


SPEC = MethodSpec(
    name="e-pgn",
    title="E-PGN",
    paper="Yu, Ji, Han, Zhang: Episode-Based Prototype Generating Network for Zero-Shot Learning, CVPR 2020",
    url="https://arxiv.org/abs/1909.03360",
    params=EpgnParams,
    load="gzslbench_methods.e_pgn.method:Epgn",
    plain="gzslbench_methods.e_pgn.plain:PlainEpgn",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """E-PGN."""
    return [SPEC]
