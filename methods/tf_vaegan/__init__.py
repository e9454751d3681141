"""TF-VAEGAN: latent embedding feedback and discriminative features for zero-shot classification."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.f_vaegan_d2 import FVaeganParams


@dataclass(frozen=True)
class TfVaeganParams(FVaeganParams):
    """Settings of the published code; names follow its command line."""

    variant: str = param(
        "reference",
        "reference feeds noise's fakes, in the generator's step, the decoding of the batch's reconstruction,"
        " as published; clean their own",
        choices=("reference", "clean"),
    )
    epochs: int = param(
        300, "epochs of two loops of ceil(N / batch_size) generator steps each", low=1, unit="epochs"
    )
    adapt_penalty: bool = param(
        True, "whether each iteration moves the penalty's weight by a tenth, after the mean penalty"
    )
    ngh: int = param(4096, "hidden width of encoder, generator, decoder and feedback", low=1, unit="units")
    recons_weight: float = param(
        0.01, "weight of the decoder's loss, of real and of fake features", low=0, search=log(1e-3, 1.0)
    )
    a1: float = param(1.0, "share of the feedback while training", low=0, search=log(0.01, 1.0))
    a2: float = param(1.0, "share of the feedback in synthesis", low=0, search=log(0.01, 1.0))
    feed_lr: float = param(1e-4, "learning rate of the feedback", above=0, search=log(1e-6, 1e-3))
    dec_lr: float = param(1e-4, "learning rate of the decoder", above=0, search=log(1e-6, 1e-3))
    freeze_dec: bool = param(False, "whether the decoder rests in the generator's step")


SPEC = MethodSpec(
    name="tf-vaegan",
    title="TF-VAEGAN",
    paper="Narayan, Gupta, Khan, Snoek, Shao: Latent Embedding Feedback and Discriminative Features for"
    " Zero-Shot Classification, ECCV 2020",
    url="https://arxiv.org/abs/2003.07833",
    params=TfVaeganParams,
    load="gzslbench_methods.tf_vaegan.method:TfVaegan",
    plain="gzslbench_methods.tf_vaegan.plain:PlainTfVaegan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """TF-VAEGAN."""
    return [SPEC]
