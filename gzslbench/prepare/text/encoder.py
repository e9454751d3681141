"""What a text encoder is, and the kinds there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import EncoderError, did_you_mean

if TYPE_CHECKING:
    import torch

Pooling = Literal["mean", "cls"]
KINDS = {
    "sentence-transformers": "gzslbench.prepare.text.sentence_transformers:load",
    "hf": "gzslbench.prepare.text.hugging_face:load",
}


class Encoder(Protocol):
    """A model that turns texts into vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``(T, a)`` of T texts, of any length, each independent of the others up to rounding."""
        ...

    def cut(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than the model reads, and so lose their ends."""
        ...

    def provenance(self) -> Mapping[str, object]:
        """What decides the encodings besides the texts, ready for JSON."""
        ...


class Load(Protocol):
    """Makes an encoder of one kind."""

    def __call__(self, model: str, pooling: Pooling | None, device: torch.device) -> Encoder:
        """The model of this name or in this folder.

        Raises:
            EncoderError: A package or the model is missing, damaged or of another kind.
        """
        ...


def split_name(asked: str) -> tuple[str, str]:
    """Kind and model of ``kind:model``.

    Raises:
        EncoderError: There is no such kind, or no model.
    """
    kind, colon, model = asked.partition(":")
    if kind not in KINDS:
        raise EncoderError(
            f"no kind of encoder {kind!r}", where="--encoder", fix=did_you_mean(kind, list(KINDS))
        )
    if not colon or not model.strip():
        raise EncoderError(
            "no model is named", where="--encoder", fix=f"write {kind}:MODEL, a name or a folder"
        )
    return kind, model


def load_encoder(asked: str, pooling: Pooling | None, device: torch.device) -> Encoder:
    """Load the encoder that ``--encoder`` names.

    Raises:
        EncoderError: There is no such kind, or it cannot be loaded.
    """
    from pkgutil import resolve_name

    kind, model = split_name(asked)
    load: Load = resolve_name(KINDS[kind])
    return load(model, pooling, device)
