from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from gzslbench.errors import EncoderError
from gzslbench.prepare.text.hugging_face import load, pooled

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
CPU = torch.device("cpu")


def one_at_a_time(network, tokenizer, text, pooling):
    """A text alone: no padding, no mask, no batch."""
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        states = network(input_ids=torch.tensor([ids])).last_hidden_state[0]
    if pooling == "cls":
        return states[0].numpy()
    total = torch.zeros(states.shape[1])
    for state in states:
        total += state
    return (total / len(ids)).numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_text_among_longer_ones_is_encoded_as_alone(transformers, bert, pooling):
    found = load(str(bert), pooling, CPU).encode(TEXTS)
    network = transformers.BertModel.from_pretrained(bert).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    expected = np.stack([one_at_a_time(network, tokenizer, text, pooling) for text in TEXTS])
    assert len(TEXTS) > 32 and found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)
    assert np.linalg.norm(expected[0] - expected[1]) > 0.1


def test_the_mean_is_the_usual_pooling_and_is_told(bert):
    encoder = load(str(bert), None, CPU)
    told = encoder.provenance()
    assert encoder.pooling == told["pooling"] == "mean" and told["model"] == str(bert)
    assert set(told["weights_sha256"]) == {"model.safetensors"} and "transformers" in told["versions"]


def test_pooling_leaves_masked_states_out():
    states = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [90.0, 90.0]]])
    assert pooled(states, torch.tensor([[1, 1, 0]]), "mean").tolist() == [[2.0, 3.0]]
    assert pooled(states, torch.tensor([[1, 1, 0]]), "cls").tolist() == [[1.0, 2.0]]


def test_texts_beyond_the_limit_are_counted_and_lose_their_ends(bert):
    encoder = load(str(bert), None, CPU)
    start = "red " * 22  # 24 tokens with the two around it
    texts = [start, start + "blue", start + "fox and owl", "owl"]
    assert encoder.limit == 24 and encoder.cut(texts) == 2
    found = encoder.encode(texts)
    assert np.allclose(found[0], found[1], atol=1e-6) and np.allclose(found[0], found[2], atol=1e-6)


def clip(transformers):
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
    return transformers.CLIPModel(config).eval()


def test_clip_gives_the_projected_state_of_the_end_of_the_text(transformers, write_model, tmp_path):
    model = clip(transformers)
    encoder = load(str(write_model(tmp_path / "clip", model)), None, CPU)
    found = encoder.encode(TEXTS)
    for text, row in zip(TEXTS, found, strict=True):
        ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            states = model.text_model(input_ids=ids).last_hidden_state
            expected = states[0, ids[0].tolist().index(3)] @ model.text_projection.weight.T
        assert np.allclose(row, expected.numpy(), atol=1e-5)
    assert found.shape[1] == 10 and encoder.provenance()["pooling"] == "the text tower's own"
    with pytest.raises(EncoderError, match="pools by itself"):
        load(str(tmp_path / "clip"), "mean", CPU)


def test_of_an_encoder_and_decoder_the_encoder_is_taken(transformers, write_model, tmp_path):
    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=20, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    model = transformers.T5Model(config).eval()
    encoder = load(str(write_model(tmp_path / "t5", model)), "mean", CPU)
    ids = encoder.tokenizer("red owl")["input_ids"]
    with torch.no_grad():
        states = model.get_encoder()(input_ids=torch.tensor([ids])).last_hidden_state[0]
    found = encoder.encode(["red owl", "a bird with red wings and long tail"])
    assert np.allclose(found[0], states.numpy().mean(axis=0), atol=1e-5)


def test_a_model_whose_files_lack_weights_is_refused(transformers, bert, tmp_path):
    from safetensors.torch import load_file, save_file

    for lacking, refused in (("pooler.dense.weight", False), ("encoder.layer.1.output.dense.bias", True)):
        folder = shutil.copytree(bert, tmp_path / lacking)
        weights = load_file(folder / "model.safetensors")
        del weights[lacking]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        if refused:
            with pytest.raises(EncoderError, match=f"1 weights are in none of its files, .*{lacking}"):
                load(str(folder), None, CPU)
        else:
            assert load(str(folder), None, CPU).encode(["owl"]).shape == (1, 16)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_half_a_model_is_told(bert, tmp_path, missing):
    folder = shutil.copytree(bert, tmp_path / "half")
    (folder / missing).unlink()
    with pytest.raises(EncoderError, match="the model cannot be loaded") as caught:
        load(str(folder), None, CPU)
    assert str(folder) in str(caught.value)


def test_damaged_weights_are_told(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "damaged")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EncoderError, match="the model cannot be loaded"):
        load(str(folder), None, CPU)
