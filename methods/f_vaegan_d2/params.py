"""Parameters of f-VAEGAN-D2; names follow the published command line of TF-VAEGAN where it has one."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import log, steps


@dataclass(frozen=True)
class FVaeganParams(Params):
    """Settings of TF-VAEGAN's published code, without its decoder and its feedback."""

    epochs: int = param(300, "epochs of ceil(N / batch_size) generator steps", low=1, unit="epochs")
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    critic_iter: int = param(5, "critic steps before each generator step", low=1, unit="steps")
    lr: float = param(1e-4, "learning rate of encoder, generator and critic", above=0, search=log(1e-5, 1e-3))
    beta1: float = param(0.5, "first moment decay of every optimizer but the encoder's", low=0, high=0.999)
    lambda_gp: float = param(10.0, "weight of the gradient penalty, or where it starts", low=0)
    adapt_penalty: bool = param(
        False, "whether each iteration moves the penalty's weight by a tenth, after the mean penalty"
    )
    gamma_d: float = param(10.0, "weight of the critic's whole loss", low=0, search=log(1.0, 100.0))
    gamma_g: float = param(
        10.0, "weight of the critic's score in the generator's loss", low=0, search=log(1.0, 100.0)
    )
    encoded_noise: bool = param(
        True, "whether the critic judges reconstructions, from the encoder's draws, or what noise gives"
    )
    nz: int = param(
        0, "noise the generator takes; 0 takes as much as the semantics are long", low=0, unit="numbers"
    )
    ngh: int = param(4096, "hidden width of encoder and generator", low=1, unit="units")
    ndh: int = param(4096, "hidden width of the critic", low=1, unit="units")
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
