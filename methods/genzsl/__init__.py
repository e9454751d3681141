"""GenZSL: a variational autoencoder that induces a class from similar seen classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, log, param
from gzslbench_methods.params import HeadParams


@dataclass(frozen=True)
class GenZslParams(HeadParams):
    """Settings of the published program."""

    epochs: int = param(150, "epochs of `passes` times ceil(N / batch_size) steps", low=1, unit="epochs")
    passes: int = param(3, "passes over the training rows in an epoch (loop)", low=1)
    batch_size: int = param(64, "rows a step", low=1, unit="rows")
    lr: float = param(1e-3, "learning rate of the autoencoder", above=0, search=log(1e-4, 1e-2))
    hidden: int = param(2048, "hidden width of encoder and decoder", low=1, unit="units")
    latent: int = param(512, "width of the latent space", low=1, unit="units")
    contrast_weight: float = param(
        0.1, "weight of the contrastive loss (alpha1)", low=0, search=log(1e-3, 1.0)
    )
    temperature: float = param(0.07, "what the contrastive logits are divided by (t)", above=0)
    nearest_weight: float = param(
        0.8, "share of the most similar class in the mixture; the second one has the rest", low=0, high=1
    )
    remove_common: bool = param(
        True, "whether the direction that the seen classes have most in common is removed (use_svd)"
    )
    syn_num: int = param(1600, "synthesized features for each unseen class", low=1, unit="features")
    head_epochs: int = param(20, "epochs of the head over all classes (clf_nepoch)", low=1, unit="epochs")
    zsl_epochs: int = param(
        20,
        "epochs of the head for unseen classes only; 0 restricts the other head instead",
        low=0,
        unit="epochs",
    )
    head_batch_size: int = param(64, "rows a step of the head; 0 takes syn_num", low=0, unit="rows")


SPEC = MethodSpec(
    name="genzsl",
    title="GenZSL",
    paper="Chen, Fu, Khan, Khan: GenZSL: Generative Zero-Shot Learning Via Inductive Variational Autoencoder,"
    " ICML 2025",
    url="https://github.com/shiming-chen/GenZSL",
    params=GenZslParams,
    load="gzslbench_methods.genzsl.method:GenZsl",
    plain="gzslbench_methods.genzsl.plain:PlainGenZsl",
    preprocessing="l2",
    shared_space=True,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """GenZSL."""
    return [SPEC]
