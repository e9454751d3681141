"""ResNet-101, the usual backbone of the field."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins import ExtractorSpec, hookimpl

SPEC = ExtractorSpec(
    name="resnet101",
    title="ResNet-101",
    paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016",
    url="https://arxiv.org/abs/1512.03385",
    load="gzslbench_features.resnet101.loading:load",
    weights="torchvision's: --weights IMAGENET1K_V1 or IMAGENET1K_V2 downloads them; or --weights FILE",
    width=2048,
    layers=("layer4", "layer3", "layer2", "layer1"),
    pretraining="imagenet-1k for torchvision's weights, also from a file of them; unknown for others",
)


@hookimpl
def gzslbench_extractors() -> Iterable[ExtractorSpec]:
    """ResNet-101."""
    return [SPEC]
