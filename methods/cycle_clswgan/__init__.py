"""cycle-CLSWGAN: multi-modal cycle-consistent generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.f_clswgan import FClswganParams


@dataclass(frozen=True)
class CycleClswganParams(FClswganParams):
    """Settings of the published code; a classification loss of weight 0 makes it the paper's cycle-WGAN."""

    critic_lr: float = param(
        1e-3, "learning rate of the critic; lr is the generator's", above=0, search=log(1e-5, 1e-2)
    )
    cycle_weight: float = param(
        0.01,
        "weight of the cycle loss in the generator's loss (the code's r_beta)",
        low=0,
        search=log(1e-3, 1.0),
    )
    regressor_epochs: int = param(40, "passes that train the regressor", low=1, unit="epochs")
    regressor_lr: float = param(1e-4, "learning rate of the regressor", above=0)
    regressor_decay: float = param(0.0, "penalty on the regressor's squared weights", low=0)


SPEC = MethodSpec(
    name="cycle-clswgan",
    title="cycle-CLSWGAN",
    paper="Felix, Kumar, Reid, Carneiro: Multi-modal Cycle-consistent Generalized Zero-Shot Learning,"
    " ECCV 2018",
    url="https://arxiv.org/abs/1808.00136",
    params=CycleClswganParams,
    load="gzslbench_methods.cycle_clswgan.method:CycleClswgan",
    plain="gzslbench_methods.cycle_clswgan.plain:PlainCycleClswgan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """cycle-CLSWGAN."""
    return [SPEC]
