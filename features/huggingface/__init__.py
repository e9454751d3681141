"""Vision models of transformers, from the Hugging Face hub or a folder."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins import ExtractorSpec, hookimpl

SPEC = ExtractorSpec(
    name="hf",
    title="Models of transformers",
    paper="Wolf et al.: Transformers: State-of-the-Art Natural Language Processing, EMNLP 2020",
    url="https://arxiv.org/abs/1910.03771",
    load="gzslbench_features.huggingface.loading:load",
    weights="those of the model, downloaded once; needs pip install 'gzslbench[hf]'",
    poolings=("own", "cls", "mean", "max"),
    model="MODEL",
    preparation=None,
    pretraining="by the name of well-known models (DINO, CLIP, SigLIP, ViT, ...); else unknown",
    version=2,
    about=(
        "MODEL is a name on the hub, NAME@REVISION, or a folder. The model's own image processor"
        " preprocesses the images. The default feature (own) is the projected image of CLIP and SigLIP, the"
        " class token of ViT and DINOv2, and the pooled output of ResNet, ConvNeXt and Swin. --layer N takes"
        " hidden state N as transformers counts them: 0 is the input of the first block, -1 the last state,"
        " before a last normalization. --pooling cls takes the class token; mean and max are over patches or"
        " places."
    ),
    examples=(
        "hf:facebook/dinov2-base",
        "hf:openai/clip-vit-large-patch14",
        "hf:microsoft/resnet-101",
        "hf:google/vit-base-patch16-224 --layer -2 --pooling mean",
        "hf:FOLDER",
    ),
)


@hookimpl
def gzslbench_extractors() -> Iterable[ExtractorSpec]:
    """Vision models of transformers."""
    return [SPEC]
