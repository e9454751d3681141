"""TF-VAEGAN: latent embedding feedback and discriminative features for zero-shot classification."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.tf_vaegan.params import TfVaeganParams

SPEC = MethodSpec(
    name="tf-vaegan",
    title="TF-VAEGAN",
    paper="Narayan, Gupta, Khan, Snoek, Shao: Latent Embedding Feedback and Discriminative Features for"
    " Zero-Shot Classification, ECCV 2020",
    url="https://arxiv.org/abs/2003.07833",
    params=TfVaeganParams,
    load="gzslbench_methods.tf_vaegan.method:TfVaegan",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """TF-VAEGAN."""
    return [SPEC]
