"""FREE: feature refinement for generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, linear, log, param
from gzslbench_methods.f_vaegan_d2 import FVaeganParams


@dataclass(frozen=True)
class FreeParams(FVaeganParams):
    """Settings of the published code; names follow its command line."""

    variant: str = param(
        "reference",
        "reference adds up the centres' gradients over the whole run, as published; clean zeroes them",
        choices=("reference", "clean"),
    )
    epochs: int = param(501, "epochs of two times ceil(N / batch_size) generator steps", low=1, unit="epochs")
    critic_iter: int = param(1, "critic steps before each generator step", low=1, unit="steps")
    adapt_penalty: bool = param(
        True, "whether each iteration moves the penalty's weight by a tenth, after the mean penalty"
    )
    ngh: int = param(4096, "hidden width of encoder, generator and refinement", low=1, unit="units")
    recons_weight: float = param(
        0.001,
        "weight of the refinement's semantic loss, of real and of fake features",
        low=0,
        search=log(1e-4, 1.0),
    )
    center_weight: float = param(0.5, "weight of the self-adaptive margin centre loss", low=0)
    center_margin: float = param(
        200.0, "margin between squared distances to centres", low=0, search=linear(20.0, 400.0)
    )
    incenter_weight: float = param(
        0.8,
        "share of the distance to the own centre (gamma), the rest is the other's",
        low=0,
        high=1,
        search=linear(0.0, 1.0),
    )
    other_center: str = param(
        "random",
        "the centre to keep away from: of a random class, the own among them, or the nearest other",
        choices=("random", "nearest"),
    )
    dec_lr: float = param(1e-4, "learning rate of the refinement", above=0)
    freeze_dec: bool = param(False, "whether the generator's step does not train the refinement")
    frozen_step: bool = param(
        False,
        "whether Adam steps the frozen refinement with gradients of zero, as the published code does with"
        " torch before version 2; without freeze_dec it has no effect",
        omit_default=True,
    )


SPEC = MethodSpec(
    name="free",
    title="FREE",
    paper="Chen, Wang, Xia, Peng, You, Zheng, Shao: FREE: Feature Refinement for Generalized Zero-Shot"
    " Learning, ICCV 2021",
    url="https://arxiv.org/abs/2107.13807",
    params=FreeParams,
    load="gzslbench_methods.free.method:Free",
    plain="gzslbench_methods.free.plain:PlainFree",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """FREE."""
    return [SPEC]
