"""f-VAEGAN-D2: a feature generating framework for any-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import GanParams, HeadParams


@dataclass(frozen=True)
class FVaeganParams(HeadParams, GanParams):
    """Settings of TF-VAEGAN's published code, without its decoder and its feedback.

    Names follow that code's command line where it has one.
    """

    epochs: int = param(300, "epochs of ceil(N / batch_size) generator steps", low=1, unit="epochs")
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
    ngh: int = param(4096, "hidden width of encoder and generator", low=1, unit="units")


SPEC = MethodSpec(
    name="f-vaegan-d2",
    title="f-VAEGAN-D2",
    paper="Xian, Sharma, Schiele, Akata: f-VAEGAN-D2: A Feature Generating Framework for Any-Shot Learning,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1903.10132",
    params=FVaeganParams,
    load="gzslbench_methods.f_vaegan_d2.method:FVaegan",
    plain="gzslbench_methods.f_vaegan_d2.plain:PlainFVaegan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """f-VAEGAN-D2."""
    return [SPEC]
