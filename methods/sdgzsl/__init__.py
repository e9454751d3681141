"""SDGZSL: semantics disentangling for generalized zero-shot learning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param, steps
from gzslbench_methods.params import HeadParams


@dataclass(frozen=True)
class SdgzslParams(HeadParams):
    """Settings of the published code."""

    variant: str = param(
        "reference",
        "reference has the published code's sigmoid before the discriminator's softmax, and adds 0.8 to every"
        " variance of a batch normalization; clean has neither",
        choices=("reference", "clean"),
    )
    epochs: int = param(
        133,
        "epochs of ceil(N / batch_size) rounds: one step of the discriminator, 1 + dis_steps of all else",
        low=1,
        unit="epochs",
    )
    batch_size: int = param(64, "rows a step", low=2, unit="rows")
    lr: float = param(1e-4, "learning rate", above=0, search=log(1e-5, 1e-3))
    weight_decay: float = param(1e-6, "penalty on half the squared weights", low=0)
    latent: int = param(20, "width of the VAE's latent space", low=1, unit="units")
    hidden: int = param(2048, "width of the hidden layers", low=1, unit="units")
    code: int = param(128, "width of the VAE encoder's last hidden layer", low=1, unit="units")
    s_dim: int = param(
        1024, "width of the semantic-consistent half of a feature, and of the other", low=1, unit="units"
    )
    ga: float = param(15.0, "weight of the relation network's loss", low=0, search=log(0.1, 20.0))
    beta: float = param(1.0, "weight of the total correlation, once warmed up", low=0, search=log(1e-3, 1.0))
    dis: float = param(3.0, "weight of the discriminator's loss", low=0, search=log(0.1, 5.0))
    dis_steps: int = param(
        2, "steps with the total correlation after each step of the discriminator", low=1, unit="steps"
    )
    kl_warmup: float = param(0.01, "what a pass adds to the weight of the divergence, up to 1", above=0)
    tc_warmup: float = param(0.001, "what a pass adds to the factor on beta, up to 1", above=0)
    vae_enc_drop: float = param(0.4, "dropout in the VAE's encoder", low=0, high=0.99)
    vae_dec_drop: float = param(0.5, "dropout in the VAE's decoder", low=0, high=0.99)
    ae_drop: float = param(0.2, "dropout in the autoencoder", low=0, high=0.99)
    syn_num: int = param(
        1200,
        "synthesized features for each unseen class",
        low=1,
        unit="features",
        search=steps(200, 5000, 100),
    )
    classifier_lr: float = param(1e-3, "learning rate of the head", above=0, search=log(1e-3, 1e-2))
    head_epochs: int = param(50, "epochs of the head over all classes", low=1, unit="epochs")
    zsl_epochs: int = param(
        20,
        "epochs of the head for unseen classes only; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )


SPEC = MethodSpec(
    name="sdgzsl",
    title="SDGZSL",
    paper="Chen, Luo, Qiu, Huang, Li, Zhang: Semantics Disentangling for Generalized Zero-Shot Learning,"
    " ICCV 2021",
    url="https://arxiv.org/abs/2101.07978",
    params=SdgzslParams,
    load="gzslbench_methods.sdgzsl.method:Sdgzsl",
    plain="gzslbench_methods.sdgzsl.plain:PlainSdgzsl",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """SDGZSL."""
    return [SPEC]
