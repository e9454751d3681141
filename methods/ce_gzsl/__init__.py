"""CE-GZSL: contrastive embedding for generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param, steps
from gzslbench_methods.params import GanParams, HeadParams


@dataclass(frozen=True)
class CeGzslParams(HeadParams, GanParams):
    """Settings of the published code, and the two variants of its training rules.

    The README says where the published command line has another name.
    """

    variant: str = param(
        "reference",
        "reference keeps the comparator's gradients over an epoch, steps the generator on the last critic"
        " batch and fits the head in batches of syn_num, as the published code does; clean does none of it",
        choices=("reference", "clean"),
    )
    epochs: int = param(130, "epochs of ceil(N / batch_size) generator steps", low=1, unit="epochs")
    batch_size: int = param(4096, "rows a step", low=1, unit="rows")
    lr: float = param(1e-4, "learning rate of both optimizers", above=0, search=log(1e-5, 1e-3))
    beta1: float = param(0.5, "first moment decay of both optimizers", low=0, high=0.999)
    lr_decay_epoch: int = param(
        100, "the learning rates decay each time so many epochs are done", low=1, unit="epochs"
    )
    lr_decay_rate: float = param(0.99, "factor of each decay", above=0, high=1)
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
    zsl_epochs: int = param(
        100,
        "epochs of the head for unseen classes only; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    head_batch_size: int = param(
        512,
        "rows a step of the head in the clean variant (the reference variant takes syn_num)",
        low=1,
        unit="rows",
    )


SPEC = MethodSpec(
    name="ce-gzsl",
    title="CE-GZSL",
    paper="Han, Fu, Chen, Yang: Contrastive Embedding for Generalized Zero-Shot Learning, CVPR 2021",
    url="https://arxiv.org/abs/2103.16173",
    params=CeGzslParams,
    load="gzslbench_methods.ce_gzsl.method:CeGzsl",
    plain="gzslbench_methods.ce_gzsl.plain:PlainCeGzsl",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """CE-GZSL."""
    return [SPEC]
