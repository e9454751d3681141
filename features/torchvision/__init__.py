"""Classifiers of torchvision, without their last layer."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins import ExtractorSpec, hookimpl

SPEC = ExtractorSpec(
    name="torchvision",
    title="Classifiers of torchvision",
    paper="Marcel, Rodriguez: Torchvision, the Machine-Vision Package of Torch, ACM Multimedia 2010",
    url="https://docs.pytorch.org/vision/stable/models.html",
    load="gzslbench_features.torchvision.loading:load",
    weights="--weights DEFAULT, or a name such as IMAGENET1K_V1, downloads them; or --weights FILE",
    poolings=("own", "mean", "max"),
    model="NAME",
    preparation=None,
    pretraining="imagenet-1k for weights of torchvision, apart from SWAG's; unknown for those of other files",
    version=2,
    about=(
        "The transforms of the weights preprocess the images."
        " NAME is one of torchvision.models.list_models(). The default feature (own) is the input of its last"
        " linear layer. --layer NODE takes the mean (with --pooling max the largest) of the activations of a"
        " node, (B, C, h, w) or (B, h, w, C), over all places; nodes have the names of torchvision's"
        " create_feature_extractor."
    ),
    examples=(
        "torchvision:resnet50 --weights IMAGENET1K_V2",
        "torchvision:vit_b_16 --weights DEFAULT",
        "torchvision:convnext_base --weights DEFAULT --layer features.5 --pooling max",
    ),
)


@hookimpl
def gzslbench_extractors() -> Iterable[ExtractorSpec]:
    """Classifiers of torchvision."""
    return [SPEC]
