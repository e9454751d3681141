"""Encode texts with a sentence-transformers model, and turn encodings into semantics of classes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError, EncoderError, GzslBenchError
from gzslbench.files import sha256_of
from gzslbench.prepare.text.texts import Texts

if TYPE_CHECKING:
    import torch

BATCH = 32
WEIGHTS = (".safetensors", ".bin")
PACKAGES = ("sentence-transformers", "transformers", "tokenizers", "torch")
FIXED_LENGTH = ("siglip", "siglip2")
"""Models that were trained on texts padded to one length. sentence-transformers does not pad them so."""
MIN_DISTANCE = 1e-6
"""Two classes whose semantics (of length 1) are nearer than this count as the same."""


@dataclass(frozen=True)
class SentenceEncoder:
    """A loaded sentence-transformers model: its name or folder as given, its files, and its network.

    ``revision`` is the commit on the hub, None for a folder.
    """

    model: str
    folder: Path
    revision: str | None
    network: Any

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return ``(T, a)`` encodings, exactly as the model makes them."""
        with encoding_errors("the model cannot encode these texts", self.model):
            encoded = self.network.encode(
                list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(encoded, dtype=np.float32)

    def count_truncated(self, texts: Sequence[str]) -> int:
        """Count the texts with more tokens than the model reads; their ends are lost."""
        limit = self.network.max_seq_length
        if limit is None:
            return 0
        with encoding_errors("the model cannot read these texts", self.model):
            tokens = self.network.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        return sum(len(ids) > limit for ids in tokens)

    def split(self, text: str) -> list[str]:
        """Split a text between words into pieces that the model reads as a whole, the fewest possible."""
        limit = self.network.max_seq_length
        if limit is None or not self.count_truncated([text]):
            return [text]
        with encoding_errors("the model cannot read these texts", self.model):
            tokenizer, words = self.network.tokenizer, text.split()
            room = limit - tokenizer.num_special_tokens_to_add()
            ids = tokenizer([f" {word}" for word in words], add_special_tokens=False, verbose=False)[
                "input_ids"
            ]
        pieces: list[list[str]] = []
        used = room
        for word, count in zip(words, map(len, ids), strict=True):
            used += count
            if used > room:
                pieces.append([])
                used = count
            pieces[-1].append(word)
        return [" ".join(piece) for piece in pieces]

    def provenance(self) -> dict[str, object]:
        """Return the model's name, its revision on the hub, the sha256 of its weights, and versions."""
        return {
            "encoder": "sentence-transformers",
            "model": self.model,
            "revision": self.revision,
            "weights_sha256": {
                file.relative_to(self.folder).as_posix(): sha256_of(file)
                for file in sorted(self.folder.rglob("*"))
                if file.suffix in WEIGHTS
            },
            "versions": {package: version(package) for package in PACKAGES},
        }


def load_encoder(model: str, device: torch.device) -> SentenceEncoder:
    """Load a model in evaluation mode and fp32. No code that comes with the model is run.

    ``model`` is a folder, or a name on the Hugging Face hub. sentence-transformers also loads plain text
    models of transformers (then with mean pooling) and CLIP models (then their text features).
    """
    from gzslbench.prepare.extract.loading import import_package  # late: a dry run needs no torch

    package = import_package("sentence_transformers", "text", failure=EncoderError)
    import_package("transformers", "text", failure=EncoderError).utils.logging.disable_progress_bar()
    path = Path(model).expanduser()
    if not path.is_dir() and (not model.strip() or path.exists() or model.startswith((".", "/", "~"))):
        fix = "name the folder with its config.json"
        raise EncoderError("this is not a folder with a model", where=path, fix=fix)
    place = str(path.absolute()) if path.is_dir() else model
    with encoding_errors("the model cannot be loaded", place), _collect_missing_weights() as missing:
        options = {"device": str(device), "trust_remote_code": False}
        try:  # Files on this machine come first: a newer revision must not change results silently.
            network = package.SentenceTransformer(place, local_files_only=True, **options)
        except OSError:
            if Path(place).is_dir():
                raise
            network = package.SentenceTransformer(place, local_files_only=False, **options)
    if missing:
        what = f"{len(missing)} weights are not in the model's files, such as {missing[0]}"
        fix = "use a complete model: missing weights would be random numbers"
        raise EncoderError(what, where=place, fix=fix)
    kind = getattr(getattr(getattr(network[0], "model", None), "config", None), "model_type", "")
    if kind in FIXED_LENGTH:
        what = f"{kind} models need texts of one padded length, which is not supported"
        raise EncoderError(what, where=place, fix="use another model, for example a CLIP model")
    folder = path.absolute() if path.is_dir() else _find_download(model)
    revision = None if path.is_dir() else folder.name
    if not (folder / "modules.json").is_file():
        # A plain model of transformers. Left padding would shift the positions of short texts.
        network.tokenizer.padding_side = "right"
    return SentenceEncoder(model, folder, revision, network.float().eval())


def encode_classes(
    encoder: SentenceEncoder, texts: Sequence[Texts], names: Sequence[str]
) -> NDArray[np.float32]:
    """Return ``(C, a)`` averages of the encodings of each class.

    Every encoding, and then the average, is scaled to length 1, like the published attributes.
    """
    flat = [text for of_class in texts for text in of_class]
    encoded = np.asarray(encoder.encode(flat), dtype=np.float64)
    lengths = np.linalg.norm(encoded, axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        what = f"the model encodes {len(bad)} texts as NaN, infinite or zero"
        raise DataError(what, where=repr(flat[bad[0]]), fix="use another model")
    starts = np.cumsum([0, *(len(of_class) for of_class in texts[:-1])])
    means = np.add.reduceat(encoded / lengths[:, None], starts)
    mean_lengths = np.linalg.norm(means, axis=1)
    opposed = np.flatnonzero(mean_lengths < MIN_DISTANCE)
    if len(opposed):
        what = "the encodings of this class's texts cancel each other"
        raise DataError(what, where=names[opposed[0]], fix="change its descriptions")
    semantics = means / mean_lengths[:, None]
    for row, one in enumerate(semantics[:-1]):
        near = np.flatnonzero(np.linalg.norm(semantics[row + 1 :] - one, axis=1) < MIN_DISTANCE)
        if len(near):
            other = row + 1 + int(near[0])
            what = f"the classes {names[row]!r} and {names[other]!r} have the same encoding"
            fix = "put the difference first in their descriptions, or use another model"
            raise DataError(what, where=f"{texts[row][0]!r}, {texts[other][0]!r}", fix=fix)
    return np.asarray(semantics, dtype=np.float32)


@contextmanager
def encoding_errors(what: str, model: str) -> Iterator[None]:
    """Turn any exception of a model's code into an EncoderError."""
    try:
        yield
    except GzslBenchError:
        raise
    except Exception as error:  # Code and files of many authors run behind this call.
        fix = (
            "name a folder with a complete model, or one of the Hugging Face hub, which\n         "
            "needs a network the first time; models with their own code are not supported"
        )
        first, *_ = str(error).strip().splitlines() or ["no reason given"]
        raise EncoderError(f"{what}: {type(error).__name__}: {first}", where=model, fix=fix) from error


@contextmanager
def _collect_missing_weights() -> Iterator[list[str]]:
    """Collect the weights that a model's files lack. transformers only logs them."""
    missing: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            names = re.findall(r"^(\S+)\s*\|[^|]*MISSING", record.getMessage(), re.MULTILINE)
            # sentence-transformers does not use a pooler.
            missing.extend(name for name in names if "pooler" not in name)

    logger = logging.getLogger("transformers.modeling_utils")
    collector, level = Collector(logging.WARNING), logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.WARNING)
    try:
        yield missing
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)


def _find_download(model: str) -> Path:
    """Return the folder of a model that was loaded from the hub; its name is the revision."""
    hub = import_module("huggingface_hub")
    try:
        return Path(hub.snapshot_download(model, local_files_only=True))
    except Exception:  # sentence-transformers also takes the short names of its own models.
        return Path(hub.snapshot_download(f"sentence-transformers/{model}", local_files_only=True))
