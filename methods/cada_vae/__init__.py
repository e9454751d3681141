"""CADA-VAE: cross- and distribution-aligned variational autoencoders."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.cada_vae.params import CadaVaeParams

SPEC = MethodSpec(
    name="cada-vae",
    title="CADA-VAE",
    paper="Schönfeld et al.: Generalized Zero- and Few-Shot Learning via Aligned Variational Autoencoders,"
    " CVPR 2019",
    url="https://arxiv.org/abs/1812.01784",
    params=CadaVaeParams,
    load="gzslbench_methods.cada_vae.method:CadaVae",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """CADA-VAE."""
    return [SPEC]
