"""ResNet-101, the field's usual backbone."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.extractor import ExtractorSpec
from gzslbench.hooks import hookimpl

SPEC = ExtractorSpec(
    name="resnet101",
    title="ResNet-101",
    paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016",
    url="https://arxiv.org/abs/1512.03385",
    load="gzslbench_features.resnet101.weights:load",
    width=2048,
    weights="torchvision's ResNet101_Weights, V1 or V2, as a .pth file: name it with --weights",
)


@hookimpl
def gzslbench_extractors() -> Iterable[ExtractorSpec]:
    """ResNet-101."""
    return [SPEC]
