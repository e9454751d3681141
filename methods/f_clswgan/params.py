"""Parameters of f-CLSWGAN; names follow the published command line where it has one."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import log, steps


@dataclass(frozen=True)
class FClswganParams(Params):
    """Settings of the published PyTorch code."""

    epochs: int = param(30, "epochs of ceil(N / batch_size) generator steps", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    critic_iter: int = param(5, "critic steps before each generator step", low=1, unit="steps")
    lr: float = param(1e-4, "learning rate of critic and generator", above=0, search=log(1e-5, 1e-3))
    beta1: float = param(0.5, "first moment decay of every optimizer", low=0, high=0.999)
    lambda_gp: float = param(10.0, "weight of the gradient penalty", low=0)
    cls_weight: float = param(
        0.01, "weight of the classification loss in the generator's loss (beta)", low=0, search=log(1e-3, 1.0)
    )
    nz: int = param(
        0, "noise the generator takes; 0 takes as much as the semantics are long", low=0, unit="numbers"
    )
    ngh: int = param(4096, "hidden width of the generator", low=1, unit="units")
    ndh: int = param(4096, "hidden width of the critic", low=1, unit="units")
    pretrain_epochs: int = param(50, "passes that train the seen-class classifier", low=1, unit="epochs")
    pretrain_lr: float = param(1e-3, "learning rate of the seen-class classifier", above=0)
    pretrain_batch_size: int = param(100, "rows a step of the seen-class classifier", low=1, unit="rows")
    syn_num: int = param(
        300,
        "synthesized features for each unseen class",
        low=1,
        unit="features",
        search=steps(100, 3000, 100),
    )
    classifier_lr: float = param(1e-3, "learning rate of the head", above=0, search=log(1e-4, 1e-2))
    head_epochs: int = param(25, "epochs of the head over all classes", low=1, unit="epochs")
    zsl_epochs: int = param(
        25,
        "epochs of the head over the unseen classes alone; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    head_batch_size: int = param(
        0, "rows a step of the head; 0 takes syn_num, as published", low=0, unit="rows"
    )
