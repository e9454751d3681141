"""Features of photographs from what a model of transformers gives."""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor, nn

from gzslbench.errors import ExtractionError

CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")
OTHER_TOKENS = ("distillation_token", "register_tokens")


class Features(nn.Module):
    """Photographs to one row each."""

    def __init__(self, model: nn.Module, layer: int | None, pooling: str) -> None:
        """Take ``pooling`` of hidden state ``layer``, or of the last output where ``layer`` is None.

        Args:
            model: A vision model, or one of images and texts.
            layer: As transformers counts hidden states, negative from the end.
            pooling: ``own``, ``cls``, ``mean`` or ``max``. ``own`` of a layer is its class token, the mean
                where it has none.
        """
        super().__init__()
        self.model = model
        self.layer = layer
        self.pooling = pooling
        self.projects = hasattr(model, "get_image_features")
        self.tokens = tokens_of(self.tower)

    @property
    def tower(self) -> nn.Module:
        """The part that sees."""
        part: nn.Module = getattr(self.model, "vision_model", self.model)
        return part

    def forward(self, photographs: Tensor) -> Tensor:
        """``(B, 3, h, w)`` to ``(B, width)``."""
        if self.layer is None and self.pooling == "own":
            return self.own(photographs).flatten(1)
        found = self.tower(pixel_values=photographs, output_hidden_states=self.layer is not None)
        return self.pooled(found.last_hidden_state if self.layer is None else found.hidden_states[self.layer])

    def own(self, photographs: Tensor) -> Tensor:
        """The projected image; else the pooled output; else the last output's class token or mean."""
        if self.projects:
            found = self.model.get_image_features(pixel_values=photographs)
            return found if isinstance(found, Tensor) else found.pooler_output
        found = self.model(pixel_values=photographs)
        pooled: Tensor | None = getattr(found, "pooler_output", None)
        return self.pooled(found.last_hidden_state) if pooled is None else pooled

    def pooled(self, state: Tensor) -> Tensor:
        """``(B, T, d)`` tokens or ``(B, d, h, w)`` places to ``(B, d)``."""
        of_class, special = self.tokens if state.ndim == 3 else (False, 0)
        if self.pooling == "cls" or (self.pooling == "own" and of_class):
            if not of_class:
                raise ValueError("it has no class token; take --pooling mean or max")
            return state[:, 0]
        spread = state[:, special:].transpose(1, 2) if state.ndim == 3 else state.flatten(2)
        if not _is_square(state, spread):
            raise ValueError(
                f"its activations {tuple(state.shape[1:])} are no square of patches or places; take another"
                " layer, or leave --layer and --pooling out"
            )
        return spread.amax(2) if self.pooling == "max" else spread.mean(2)


def tokens_of(tower: nn.Module) -> tuple[bool, int]:
    """Whether there is a class token before the patches, and how many tokens stand before them in all."""
    last = ((name.rpartition(".")[2], weight) for name, weight in tower.named_parameters())
    special = {
        name: (weight.shape[-2] if weight.ndim > 1 else 1)
        for name, weight in last
        if name in (*CLASS_TOKENS, *OTHER_TOKENS)
    }
    return any(name in CLASS_TOKENS for name in special), sum(special.values())


def checked(network: Features, crop: int, where: str) -> Features:
    """The same network once it has seen a photograph of noise.

    Raises:
        ExtractionError: It has no such layer or pooling, no row of features, or other ones the second time.
    """
    noise = torch.randn(1, 3, crop, crop, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            _check_layer(network, noise)
            first, second = network(noise), network(noise)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        asked = [f"--layer {network.layer}"] * (network.layer is not None) + [f"--pooling {network.pooling}"]
        raise ExtractionError(
            f"the model gives no features of a photograph: {str(error).partition(chr(10))[0]}",
            where=f"{where} {' '.join(asked)}",
            fix="see `gzslbench extractors hf`",
        ) from error
    if first.ndim != 2 or not torch.equal(first, second):
        what = f"{tuple(first.shape)} of one photograph" if first.ndim != 2 else "others the second time"
        raise ExtractionError(
            f"the model gives no lasting row of features: {what}", where=where, fix="name another model"
        )
    return network


def _check_layer(network: Features, noise: Tensor) -> None:
    if network.layer is None:
        return
    states = network.tower(pixel_values=noise, output_hidden_states=True).hidden_states
    if not -len(states) <= network.layer < len(states):
        raise ValueError(
            f"it has hidden states 0 to {len(states) - 1}, also counted -{len(states)} to -1 from the end"
        )


def _is_square(state: Tensor, spread: Tensor) -> bool:
    """Whether the network's square photograph became a square of patches or places, channels first."""
    if state.ndim == 4:
        return state.shape[2] == state.shape[3]
    return state.ndim == 3 and isqrt(spread.shape[2]) ** 2 == spread.shape[2]
