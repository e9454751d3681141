"""Models of transformers with few random weights, saved as their makers save theirs."""

from __future__ import annotations

import pytest
import torch

SQUARE = {"height": 32, "width": 32}
TOKENS = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
TEXTS = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
    "vocab_size": 30, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
STAGES = {"hidden_sizes": [8, 12], "depths": [1, 1]}
# Class of the network, its configuration, class of its image processor, and settings of that.
KINDS = {
    "vit": ("ViTForImageClassification", "ViTConfig", TOKENS, "ViTImageProcessorPil", {"size": SQUARE}),
    "dinov2": (
        "Dinov2Model", "Dinov2Config", TOKENS, "BitImageProcessorPil",
        {"size": {"shortest_edge": 37}, "crop_size": SQUARE},
    ),
    "registers": (
        "Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", {**TOKENS, "num_register_tokens": 4},
        "BitImageProcessorPil", {"size": {"shortest_edge": 37}, "crop_size": SQUARE},
    ),
    "clip": (
        "CLIPModel", "CLIPConfig", {"vision_config": TOKENS, "text_config": TEXTS, "projection_dim": 12},
        "CLIPImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_size": SQUARE},
    ),
    "siglip": (
        "SiglipModel", "SiglipConfig", {"vision_config": TOKENS, "text_config": TEXTS},
        "SiglipImageProcessorPil", {"size": SQUARE},
    ),
    "swin": (
        "SwinForImageClassification", "SwinConfig",
        {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "image_size": 32},
        "ViTImageProcessorPil", {"size": SQUARE},
    ),
    "resnet": (
        "ResNetForImageClassification", "ResNetConfig",
        {**STAGES, "embedding_size": 8, "layer_type": "basic"},
        "ConvNextImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_pct": 0.875},
    ),
    "convnext": (
        "ConvNextForImageClassification", "ConvNextConfig", {**STAGES, "num_stages": 2},
        "ConvNextImageProcessorPil", {"size": {"shortest_edge": 33}, "crop_pct": 0.95},
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Makes the folder of a model of a kind, with these settings of its image processor."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    transformers.utils.logging.disable_progress_bar()

    def save(kind, **settings):
        network, configuration, numbers, processor, usual = KINDS[kind]
        folder = tmp_path_factory.mktemp(kind)
        torch.manual_seed(0)
        model = getattr(transformers, network)(getattr(transformers, configuration)(**numbers))
        for weights in model.parameters():
            torch.nn.init.normal_(weights, std=0.3)
        model.save_pretrained(folder)
        getattr(transformers, processor)(**{**usual, **settings}).save_pretrained(folder)
        return folder

    return save
