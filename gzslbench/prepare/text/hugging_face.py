"""Text models of transformers: the states of the last layer pooled, or a text tower's own features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import Pooling
from gzslbench.prepare.text.model import (
    LIMITLESS,
    cut_texts,
    encoding_errors,
    library,
    locally_first,
    located,
    versions,
    weights_sha256,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BATCH = 32
UNMASKED = ("siglip", "siglip2")
"""Models that were trained to read padding as text."""


@dataclass(frozen=True)
class HuggingFaceEncoder:
    """A text model and its tokenizer.

    Attributes:
        model: As the user named it.
        place: Its folder or name.
        network: The text model.
        tokenizer: Pads on the right.
        pooling: Of the last layer; None where a text tower projects by itself, as CLIP's does.
        limit: Tokens that it reads, or None.
        device: Where it computes.
    """

    model: str
    place: str
    network: Any
    tokenizer: Any
    pooling: Pooling | None
    limit: int | None
    device: torch.device

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A batch at a time, padding masked."""
        import torch

        with encoding_errors("the model cannot encode these texts", self.place), torch.inference_mode():
            found = [self._encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate([each.float().cpu().numpy() for each in found])

    def cut(self, texts: Sequence[str]) -> int:
        """By the smaller of the tokenizer's limit and the model's."""
        with encoding_errors("the model cannot read these texts", self.place):
            return cut_texts(self.tokenizer, texts, self.limit)

    def provenance(self) -> Mapping[str, object]:
        """Model, weights, pooling and versions."""
        return {
            "encoder": "hf",
            "model": self.model,
            "weights_sha256": weights_sha256(self.place),
            "pooling": self.pooling or "the text tower's own",
            "versions": versions("transformers", "tokenizers", "torch"),
        }

    def _encode(self, texts: Sequence[str]) -> Tensor:
        tokens = self.tokenizer(
            list(texts),
            padding=True,
            truncation=self.limit is not None,
            max_length=self.limit,
            return_tensors="pt",
        ).to(self.device)
        inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
        if self.pooling is None:
            features = self.network.get_text_features(**inputs)
            tensor: Tensor = getattr(features, "pooler_output", features)
            return tensor
        return pooled(self.network(**inputs).last_hidden_state, inputs["attention_mask"], self.pooling)


def pooled(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """``(B, a)`` of ``(B, L, a)`` states: the first, or the mean of those where the ``(B, L)`` mask is 1."""
    if pooling == "cls":
        return states[:, 0]
    weights = mask.to(states.dtype)[:, :, None]
    return (states * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def load(model: str, pooling: Pooling | None, device: torch.device) -> HuggingFaceEncoder:
    """Load a model in evaluation mode and fp32; no code of its own is run.

    Raises:
        EncoderError: The package or the model is missing, damaged or no text model, or pools by itself
            where pooling is asked for.
    """
    package = library("transformers")
    package.utils.logging.disable_progress_bar()
    place = located(model)

    def both(local: bool) -> tuple[Any, Any, Any]:
        options = {"local_files_only": local, "trust_remote_code": False}
        tokenizer = package.AutoTokenizer.from_pretrained(place, **options)
        return tokenizer, *package.AutoModel.from_pretrained(place, output_loading_info=True, **options)

    tokenizer, network, told = locally_first(place, both)
    _refuse_untrained(told["missing_keys"], place)
    tower = hasattr(network, "get_text_features")
    if tower and pooling is not None:
        raise EncoderError(
            "its text tower pools by itself", where=f"--pooling {pooling}", fix="leave --pooling out"
        )
    if network.config.model_type in UNMASKED:
        raise EncoderError(
            f"{network.config.model_type} models read padding as text, which is not supported here",
            where=place,
            fix="use another model, for example a CLIP",
        )
    limit = _limit(network.config, tokenizer)
    if network.config.is_encoder_decoder:
        network = network.get_encoder()
    tokenizer.padding_side = "right"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    network = network.float().eval().to(device)
    return HuggingFaceEncoder(
        model, place, network, tokenizer, None if tower else pooling or "mean", limit, device
    )


def _refuse_untrained(missing: Sequence[str], place: str) -> None:
    """Weights that the files lack are random numbers; those of a pooler are of no use to us."""
    random = sorted(name for name in missing if "pooler" not in name)
    if random:
        raise EncoderError(
            f"{len(random)} weights are in none of its files, for example {random[0]}",
            where=place,
            fix="name the whole model",
        )


def _limit(config: Any, tokenizer: Any) -> int | None:
    text = getattr(config, "text_config", config)
    limits = [tokenizer.model_max_length, getattr(text, "max_position_embeddings", None)]
    known = [limit for limit in limits if limit is not None and 0 < limit < LIMITLESS]
    return min(known) if known else None
