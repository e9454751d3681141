"""Models of sentence-transformers, which say themselves how tokens become one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import Pooling
from gzslbench.prepare.text.model import (
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

MODULES = "modules.json"
BATCH = 32


@dataclass(frozen=True)
class SentenceEncoder:
    """A sentence-transformers model.

    Attributes:
        model: As the user named it.
        place: Its folder or name.
        network: The SentenceTransformer.
    """

    model: str
    place: str
    network: Any

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As the model itself encodes, but not normalised unless it does that."""
        with encoding_errors("the model cannot encode these texts", self.place):
            found = self.network.encode(
                list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(found, dtype=np.float32)

    def cut(self, texts: Sequence[str]) -> int:
        """By the model's own limit."""
        with encoding_errors("the model cannot read these texts", self.place):
            return cut_texts(self.network.tokenizer, texts, self.network.get_max_seq_length())

    def provenance(self) -> Mapping[str, object]:
        """Model, weights and versions."""
        return {
            "encoder": "sentence-transformers",
            "model": self.model,
            "weights_sha256": weights_sha256(self.place, (f"sentence-transformers/{self.place}",)),
            "pooling": "the model's own",
            "versions": versions("sentence-transformers", "transformers", "tokenizers", "torch"),
        }


def load(model: str, pooling: Pooling | None, device: torch.device) -> SentenceEncoder:
    """Load a model in evaluation mode and fp32; no code of its own is run.

    Raises:
        EncoderError: The package or the model is missing, or pooling is asked for.
    """
    if pooling is not None:
        raise EncoderError(
            "a sentence-transformers model pools as it was trained to",
            where=f"--pooling {pooling}",
            fix="leave --pooling out, or read the model with hf:MODEL",
        )
    package = library("sentence_transformers")
    library("transformers").utils.logging.disable_progress_bar()
    place = located(model)
    if Path(place).is_dir() and not (Path(place) / MODULES).is_file():
        raise EncoderError(
            f"no sentence-transformers model: there is no {MODULES}",
            where=place,
            fix="read it with hf:MODEL, and say how tokens become one vector with --pooling",
        )
    network = locally_first(
        place,
        lambda local: package.SentenceTransformer(
            place, device=str(device), local_files_only=local, trust_remote_code=False
        ),
    )
    return SentenceEncoder(model, place, network.float().eval())
