from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import load_encoder
from gzslbench.prepare.text.hugging_face import load as load_text_model
from gzslbench.prepare.text.sentence_transformers import load

CPU = torch.device("cpu")
TEXTS = ["tiger lily", "a photo of a globe thistle, a type of flower.", "a red bus", *map(str, range(40))]


@pytest.fixture(scope="module")
def encoder(minilm):
    return load_encoder(f"sentence-transformers:{minilm}", None, CPU)


def test_minilm_is_the_mean_of_its_last_states_brought_to_length_one(encoder, minilm):
    found = encoder.encode(TEXTS)
    means = load_text_model(str(minilm), "mean", CPU).encode(TEXTS)  # the same weights by the other road
    assert found.shape == (len(TEXTS), 384)
    assert np.allclose(found, means / np.linalg.norm(means, axis=1, keepdims=True), atol=1e-5)


def test_texts_of_one_meaning_are_nearer_than_others(encoder):
    one, same, other = encoder.encode(["a red bird with long wings", "long-winged red bird", "tax law"])
    assert one @ same > 0.8 > 0.3 > one @ other


def test_what_made_the_encodings_is_told(encoder, minilm):
    told = encoder.provenance()
    sha256 = hashlib.sha256((minilm / "model.safetensors").read_bytes()).hexdigest()
    assert told["weights_sha256"] == {"model.safetensors": sha256}
    assert {"sentence-transformers", "transformers", "torch"} <= set(told["versions"])


def test_texts_beyond_the_limit_are_counted(encoder):
    assert encoder.cut(["red " * 254, "red " * 255, "red"]) == 1  # 256 tokens with the two around them


def test_pooling_and_folders_without_modules_are_refused(minilm, bert):
    with pytest.raises(EncoderError, match="pools as it was trained to"):
        load(str(minilm), "mean", CPU)
    with pytest.raises(EncoderError, match=r"there is no modules.json(.|\n)*hf:MODEL"):
        load(str(bert), None, CPU)
