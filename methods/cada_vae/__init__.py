"""CADA-VAE: cross- and distribution-aligned variational autoencoders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.errors import ParamError
from gzslbench.plugins import MethodSpec, hookimpl, linear, param
from gzslbench_methods.params import MethodParams


@dataclass(frozen=True)
class CadaVaeParams(MethodParams):
    """Settings of the published code, the same for every dataset but for the epochs of the head."""

    variant: str = param(
        "reference",
        "how a latent row is drawn: reference takes exp(log variance) for the deviation and one normal number"
        " for all dimensions of a row, as the published code does; clean the deviation, and one for each",
        choices=("reference", "clean"),
    )
    epochs: int = param(100, "epochs of ceil(N / batch_size) steps", low=1, unit="epochs")
    batch_size: int = param(50, "rows a step", low=1, unit="rows")
    lr: float = param(1.5e-4, "learning rate", above=0)
    latent: int = param(64, "width of the latent space", low=1, unit="units")
    features_encoder: int = param(1560, "hidden width of the features' encoder", low=1, unit="units")
    features_decoder: int = param(1660, "hidden width of the features' decoder", low=1, unit="units")
    semantics_encoder: int = param(1450, "hidden width of the semantics' encoder", low=1, unit="units")
    semantics_decoder: int = param(665, "hidden width of the semantics' decoder", low=1, unit="units")
    kl_weight: float = param(0.25, "last weight of the divergence from the prior (beta)", low=0)
    kl_start: int = param(0, "epoch until which that weight is 0", low=0, unit="epochs")
    kl_end: int = param(93, "epoch at which that weight is reached", low=1, unit="epochs")
    cross_weight: float = param(2.37, "last weight of the cross-reconstruction (gamma)", low=0)
    cross_start: int = param(21, "epoch until which that weight is 0", low=0, unit="epochs")
    cross_end: int = param(75, "epoch at which that weight is reached", low=1, unit="epochs")
    align_weight: float = param(8.13, "last weight of the distribution alignment (delta)", low=0)
    align_start: int = param(6, "epoch until which that weight is 0", low=0, unit="epochs")
    align_end: int = param(22, "epoch at which that weight is reached", low=1, unit="epochs")
    syn_num: int = param(400, "latent rows drawn for each unseen class", low=1, unit="rows")
    seen_num: int = param(200, "latent rows drawn for each seen class", low=1, unit="rows")
    classifier_lr: float = param(1e-3, "learning rate of the head", above=0)
    head_epochs: int = param(
        25, "epochs of the head over all classes", low=1, unit="epochs", search=linear(10, 60)
    )
    zsl_epochs: int = param(
        0,
        "epochs of the head for unseen classes only; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    head_batch_size: int = param(32, "rows a step of the head", low=1, unit="rows")

    def __post_init__(self) -> None:
        super().__post_init__()
        for term in ("kl", "cross", "align"):
            start, end = getattr(self, f"{term}_start"), getattr(self, f"{term}_end")
            if end <= start:
                raise ParamError(
                    f"parameter '{term}_end' is out of range: {end}",
                    where=type(self).__name__,
                    fix=f"choose an epoch after {term}_start, which is {start}",
                )


SPEC = MethodSpec(
    name="cada-vae",
    title="CADA-VAE",
    paper="Schönfeld et al.: Generalized Zero- and Few-Shot Learning via Aligned Variational Autoencoders,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1812.01784",
    params=CadaVaeParams,
    load="gzslbench_methods.cada_vae.method:CadaVae",
    plain="gzslbench_methods.cada_vae.plain:PlainCadaVae",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """CADA-VAE."""
    return [SPEC]
