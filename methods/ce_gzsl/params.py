"""Parameters of CE-GZSL; where the published command line names one otherwise, the README tells."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import log, steps


@dataclass(frozen=True)
class CeGzslParams(Params):
    """Settings of the published code, and the two variants of its training rules."""

    variant: str = param(
        "reference",
        "reference keeps the comparator's gradients over an epoch, steps the generator on the last critic"
        " batch and fits the head in batches of syn_num, as the published code does; clean does none of it",
        choices=("reference", "clean"),
    )
    epochs: int = param(130, "epochs of ceil(N / batch_size) generator steps", low=1, unit="epochs")
    batch_size: int = param(4096, "rows a step", low=1, unit="rows")
    critic_iter: int = param(5, "critic steps before each generator step", low=1, unit="steps")
    lr: float = param(1e-4, "learning rate of both optimizers", above=0, search=log(1e-5, 1e-3))
    beta1: float = param(0.5, "first moment decay of both optimizers", low=0, high=0.999)
    lr_decay_epoch: int = param(
        100, "the learning rates decay each time so many epochs are done", low=1, unit="epochs"
    )
    lr_decay_rate: float = param(0.99, "factor of each decay", above=0, high=1)
    lambda_gp: float = param(10.0, "weight of the gradient penalty", low=0)
    ins_weight: float = param(
        0.001, "weight of the instance-level contrast in the generator's loss", low=0, search=log(1e-4, 0.1)
    )
    cls_weight: float = param(
        0.001, "weight of the class-level contrast in the generator's loss", low=0, search=log(1e-4, 0.1)
    )
    ins_temp: float = param(
        0.1, "temperature of the instance-level contrast", above=0, search=log(0.05, 10.0)
    )
    cls_temp: float = param(0.1, "temperature of the class-level contrast", above=0, search=log(0.05, 10.0))
    nz: int = param(
        0, "noise the generator takes; 0 takes as much as the semantics are long", low=0, unit="numbers"
    )
    ngh: int = param(4096, "hidden width of the generator", low=1, unit="units")
    ndh: int = param(4096, "hidden width of the critic", low=1, unit="units")
    embed_size: int = param(2048, "width of the embedding h that the head classifies", low=1, unit="units")
    outz_size: int = param(
        512, "width of the projection z that the instance loss compares", low=1, unit="units"
    )
    nhF: int = param(2048, "hidden width of the comparator", low=1, unit="units")  # noqa: N815
    syn_num: int = param(
        1800,
        "synthesized features for each unseen class",
        low=1,
        unit="features",
        search=steps(100, 3000, 100),
    )
    classifier_lr: float = param(1e-3, "learning rate of the head", above=0)
    head_epochs: int = param(25, "epochs of the head over all classes", low=1, unit="epochs")
    zsl_epochs: int = param(
        100,
        "epochs of the head over the unseen classes alone; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    head_batch_size: int = param(
        512,
        "rows a step of the head in the clean variant (the reference variant takes syn_num)",
        low=1,
        unit="rows",
    )
