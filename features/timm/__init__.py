"""Models of timm, without their classifier."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins import ExtractorSpec, hookimpl

SPEC = ExtractorSpec(
    name="timm",
    title="Models of timm",
    paper="Wightman: PyTorch Image Models, 2019",
    url="https://github.com/huggingface/pytorch-image-models",
    load="gzslbench_features.timm.loading:load",
    weights="those of NAME, downloaded once, or --weights FILE of that network",
    poolings=("own", "mean", "max"),
    model="NAME",
    preparation=None,
    pretraining="as the tag of the weights says (in1k, in22k, laion2b, lvd142m, ...); unknown for files",
    version=2,
    about=(
        "The model's own transform in timm preprocesses the images."
        " NAME is one of timm.list_models(pretrained=True). The default feature (own) is the input of its"
        " classifier. --layer N takes the mean (with --pooling max the largest) of the activations of block"
        " or stage N over all places, without class tokens: 0 is the first, -1 the last, before a last"
        " normalization."
    ),
    examples=(
        "timm:vit_base_patch14_dinov2.lvd142m",
        "timm:convnext_base.fb_in22k",
        "timm:resnet50.a1_in1k --layer -2 --pooling max",
        "timm:resnet50 --weights resnet50_a1_0-14fe96d1.pth",
    ),
)


@hookimpl
def gzslbench_extractors() -> Iterable[ExtractorSpec]:
    """Models of timm."""
    return [SPEC]
