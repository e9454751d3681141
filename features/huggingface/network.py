"""Take features of images from the outputs of a model of transformers."""

from __future__ import annotations

from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError

CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")
OTHER_TOKENS = ("distillation_token", "register_tokens")


class VisionFeatures(nn.Module):
    """Maps images to one row of features each."""

    def __init__(self, model: nn.Module, layer: int | None, pooling: str) -> None:
        """Take ``pooling`` of hidden state ``layer``, or of the last output if ``layer`` is None.

        Args:
            model: A vision model, or a model of images and texts.
            layer: As transformers counts hidden states; negative numbers count from the end.
            pooling: ``own``, ``cls``, ``mean`` or ``max``. For a layer, ``own`` is its class token, or the
                mean if there is none.
        """
        super().__init__()
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.has_class_token, self.special_tokens = count_tokens(self.tower)

    @property
    def tower(self) -> nn.Module:
        """The vision part of the model."""
        part: nn.Module = getattr(self.model, "vision_model", self.model)
        return part

    def forward(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, h, w)`` to ``(B, width)``."""
        if self.layer is None and self.pooling == "own":
            return self._own_features(images).flatten(1)
        output = self.tower(pixel_values=images, output_hidden_states=self.layer is not None)
        if self.layer is None:
            return self._pool(output.last_hidden_state)
        return self._pool(output.hidden_states[self.layer])

    def _own_features(self, images: Tensor) -> Tensor:
        """Return the projected image, else the pooled output, else the class token or mean."""
        project: Any = getattr(self.model, "get_image_features", None)
        if project is not None:
            output = project(pixel_values=images)
            return output if isinstance(output, Tensor) else output.pooler_output
        output = self.model(pixel_values=images)
        pooled: Tensor | None = getattr(output, "pooler_output", None)
        return self._pool(output.last_hidden_state) if pooled is None else pooled

    def _pool(self, state: Tensor) -> Tensor:
        """Map ``(B, T, d)`` tokens or ``(B, d, h, w)`` places to ``(B, d)``."""
        class_token, special = (self.has_class_token, self.special_tokens) if state.ndim == 3 else (False, 0)
        if self.pooling == "cls" or (self.pooling == "own" and class_token):
            if not class_token:
                raise ValueError("it has no class token; use --pooling mean or max")
            return state[:, 0]
        places = state[:, special:].transpose(1, 2) if state.ndim == 3 else state.flatten(2)
        # Patches of a square image form a square; anything else means that a special token was missed.
        side = isqrt(places.shape[2])
        if side**2 != places.shape[2] or (state.ndim == 4 and state.shape[2] != side):
            raise ValueError(
                f"its activations {tuple(state.shape[1:])} are not a square of patches or places; use another"
                " layer, or leave --layer and --pooling out"
            )
        return places.amax(2) if self.pooling == "max" else places.mean(2)


def count_tokens(tower: nn.Module) -> tuple[bool, int]:
    """Return whether there is a class token, and how many tokens come before the patches."""
    last_names = ((name.rpartition(".")[2], weight) for name, weight in tower.named_parameters())
    special = {
        name: (weight.shape[-2] if weight.ndim > 1 else 1)
        for name, weight in last_names
        if name in (*CLASS_TOKENS, *OTHER_TOKENS)
    }
    return any(name in CLASS_TOKENS for name in special), sum(special.values())


def check_network(network: VisionFeatures, noise: Tensor, where: str) -> None:
    """Run the network on a ``(1, 3, h, w)`` image of noise.

    Raises:
        ExtractionError: It has no such layer or pooling, gives no row of features, or is random.
    """
    try:
        with torch.inference_mode():
            _check_layer(network, noise)
            first, second = network(noise), network(noise)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        layer = "" if network.layer is None else f" --layer {network.layer}"
        raise ExtractionError(
            f"the model gives no features of an image: {str(error).partition(chr(10))[0]}",
            where=f"{where}{layer} --pooling {network.pooling}",
            fix="see `gzslbench extractors hf`",
        ) from error
    if first.ndim != 2 or not torch.equal(first, second):
        what = f"{tuple(first.shape)} for one image" if first.ndim != 2 else "other features the second time"
        raise ExtractionError(
            f"the model does not give one fixed row of features: {what}",
            where=where,
            fix="name another model",
        )


def _check_layer(network: VisionFeatures, noise: Tensor) -> None:
    if network.layer is None:
        return
    states = network.tower(pixel_values=noise, output_hidden_states=True).hidden_states
    if not -len(states) <= network.layer < len(states):
        raise ValueError(
            f"it has hidden states 0 to {len(states) - 1}, also counted -{len(states)} to -1 from the end"
        )
