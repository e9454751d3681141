"""The encoder: sentence-transformers models, plain text models of transformers, CLIP."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import encoding_errors, load_encoder

pytestmark = pytest.mark.acceptance  # sentence-transformers takes seconds to import
CPU = torch.device("cpu")
TEXTS = [
    "a bird with red wings",
    "owl",
    "a fox and a bird with long tail and blue wings .",
    *(f"{one} {other}" for one in ("red", "blue", "long", "a") for other in ("wings", "tail", "bird", "owl")),
    *(
        f"a {one} with {other}"
        for one in ("owl", "fox", "bird", "tail")
        for other in ("wings", "red", "a", ".")
    ),
]


@pytest.fixture(scope="module")
def encoder(minilm):
    return load_encoder(str(minilm), CPU)


def mean_of_states(folder, transformers, text):
    """Encode one text alone: no padding, no mask, no batch."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    ids = transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    with torch.no_grad():
        states = network(input_ids=torch.tensor([ids])).last_hidden_state[0]
    return states.mean(dim=0).numpy()


def test_minilm_is_the_mean_of_its_last_states_scaled_to_length_one(encoder, minilm, transformers):
    texts = ["tiger lily", "a photo of a globe thistle, a type of flower.", *map(str, range(40))]
    encoded = encoder.encode(texts)
    assert encoded.shape == (len(texts), 384) and encoded.dtype == np.float32
    for text, row in zip(texts[:3], encoded, strict=False):
        mean = mean_of_states(minilm, transformers, text)
        assert np.allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_texts_of_one_meaning_are_nearer_than_others(encoder):
    one, same, other = encoder.encode(["a red bird with long wings", "long-winged red bird", "tax law"])
    assert one @ same > 0.8 > 0.3 > one @ other


def test_provenance_names_weights_and_versions(encoder, minilm):
    provenance = encoder.provenance()
    sha256 = hashlib.sha256((minilm / "model.safetensors").read_bytes()).hexdigest()
    assert provenance["weights_sha256"] == {"model.safetensors": sha256}
    assert provenance["model"] == str(minilm) and provenance["revision"] is None
    assert {"sentence-transformers", "transformers", "torch"} <= set(provenance["versions"])


def test_texts_beyond_the_limit_are_counted(encoder, bert):
    # 256 and 24 tokens, two of which mark the start and the end
    assert encoder.count_truncated(["red " * 254, "red " * 255, "red"]) == 1
    small, start = load_encoder(str(bert), CPU), "red " * 22
    texts = [start, start + "blue", start + "fox and owl", "owl"]
    assert small.count_truncated(texts) == 2
    encoded = small.encode(texts)
    assert np.allclose(encoded[0], encoded[1], atol=1e-6) and np.allclose(encoded[0], encoded[2], atol=1e-6)


def test_a_plain_text_model_is_pooled_by_the_mean_and_batches_change_nothing(transformers, bert):
    encoded = load_encoder(str(bert), CPU).encode(TEXTS)
    expected = np.stack([mean_of_states(bert, transformers, text) for text in TEXTS])
    assert len(TEXTS) > 32 and np.allclose(encoded, expected, atol=1e-5)
    assert np.linalg.norm(expected[0] - expected[1]) > 0.1


def test_clip_gives_its_projected_text_features(transformers, write_model, tmp_path):
    text = {
        "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 32, "max_position_embeddings": 30, "eos_token_id": 3, "bos_token_id": 2,
        "pad_token_id": 0,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
        "image_size": 8, "patch_size": 4,
    }  # fmt: skip
    torch.manual_seed(0)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=10)
    model = transformers.CLIPModel(config).eval()
    folder = write_model(tmp_path / "clip", model)
    transformers.CLIPImageProcessor().save_pretrained(folder)
    encoded = load_encoder(str(folder), CPU).encode(TEXTS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for text, row in zip(TEXTS, encoded, strict=True):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            states = model.text_model(input_ids=ids).last_hidden_state
            expected = states[0, ids[0].tolist().index(3)] @ model.text_projection.weight.T
        assert np.allclose(row, expected.numpy(), atol=1e-5)
    assert encoded.shape[1] == 10


def test_a_model_whose_files_lack_weights_is_refused(transformers, bert, tmp_path):
    from safetensors.torch import load_file, save_file

    for lacking, refused in (("pooler.dense.weight", False), ("encoder.layer.1.output.dense.bias", True)):
        folder = shutil.copytree(bert, tmp_path / lacking)
        weights = load_file(folder / "model.safetensors")
        del weights[lacking]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        if refused:
            with pytest.raises(EncoderError, match=f"1 weights are not in the model's files, .*{lacking}"):
                load_encoder(str(folder), CPU)
        else:
            assert load_encoder(str(folder), CPU).encode(["owl"]).shape == (1, 16)


def drop(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        drop("config.json"),
        drop("model.safetensors"),
        lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"),
    ],
)
def test_an_incomplete_or_damaged_model_is_refused(bert, tmp_path, damage):
    folder = shutil.copytree(bert, tmp_path / "half")
    damage(folder)
    with pytest.raises(EncoderError, match="the model cannot be loaded") as caught:
        load_encoder(str(folder), CPU)
    assert str(folder) in str(caught.value)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EncoderError, match=r"not installed: sentence_transformers\n.*gzslbench\[text\]"):
        load_encoder("org/model", CPU)


@pytest.mark.parametrize("model", ["./none", "/none/at/all", "../none", "~/no-such-folder", "file", " "])
def test_a_path_without_a_folder_is_not_searched_on_the_hub(tmp_path, monkeypatch, minilm, model):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match="not a folder with a model"):
        load_encoder(model, CPU)


def test_any_exception_of_a_model_becomes_one_line_with_a_fix():
    with pytest.raises(EncoderError, match="KeyError: 'x'") as caught, encoding_errors("bad", "here"):
        raise KeyError("x")
    assert "where: here" in str(caught.value) and "to do" in str(caught.value)


OFFLINE = """
import torch
from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import load_encoder
encoder = load_encoder("org/bert", torch.device("cpu"))
print(encoder.provenance(), encoder.encode(["a red fox"]).shape)
try:
    load_encoder("org/none", torch.device("cpu"))
except EncoderError as error:
    print(error)
"""


def test_a_model_by_name_comes_from_the_cache_and_another_one_is_an_error_without_a_network(tmp_path, bert):
    cache = tmp_path / "hub" / "models--org--bert"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0" * 40)
    (cache / "snapshots").mkdir()
    (cache / "snapshots" / ("0" * 40)).symlink_to(bert)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", OFFLINE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sha256 = hashlib.sha256((bert / "model.safetensors").read_bytes()).hexdigest()
    assert sha256 in done.stdout and "0" * 40 in done.stdout and "(1, 16)" in done.stdout
    assert "the model cannot be loaded: OSError" in done.stdout
    assert "where: org/none" in done.stdout and "network the first time" in done.stdout


def test_a_long_text_is_split_between_words_into_pieces_that_the_model_reads(encoder):
    text = "  a red   bird with extraordinarily long-winged tails, " * 60
    pieces = encoder.split(text)
    assert " ".join(pieces) == " ".join(text.split())
    assert len(pieces) > 3 and encoder.count_truncated(pieces) == 0
    words = pieces[0].split()
    assert encoder.count_truncated([" ".join([*words, *pieces[1].split()[:8]])]) == 1  # it was nearly full
    assert encoder.split("a red bird") == ["a red bird"]
