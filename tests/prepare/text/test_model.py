from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gzslbench.errors import EncoderError
from gzslbench.prepare.text import model


def test_a_library_that_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setattr(model, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r"transformers, which is not installed\n.*gzslbench\[text\]"):
        model.library("transformers")


def test_a_library_that_breaks_when_it_is_imported_is_told(tmp_path, monkeypatch):
    (tmp_path / "broken_text_library.py").write_text("raise RuntimeError('torch is too old\\nand more')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match="cannot be imported: RuntimeError: torch is too old\n"):
        model.library("broken_text_library")


def test_a_folder_is_taken_before_a_name(tmp_path, monkeypatch):
    (tmp_path / "org" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert model.located("org/model") == str(tmp_path / "org" / "model")
    assert model.located("org/other") == "org/other"


@pytest.mark.parametrize("asked", ["./none", "/none/at/all", "../none", "~/no-such-model-folder", "file"])
def test_a_path_that_is_no_folder_is_not_looked_for_on_a_hub(tmp_path, monkeypatch, asked):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match="no folder of a model"):
        model.located(asked)


def test_files_that_are_here_are_tried_before_a_download(tmp_path):
    tries = []

    def load(local):
        tries.append(local)
        if local:
            raise OSError("not in the cache")
        return "loaded"

    assert model.locally_first("org/model", load) == "loaded" and tries == [True, False]
    tries.clear()
    with pytest.raises(EncoderError, match="not in the cache"):
        model.locally_first(str(tmp_path), load)
    assert tries == [True]


def test_whatever_a_model_raises_is_one_line_with_what_to_do():
    with pytest.raises(EncoderError, match="KeyError: 'x'") as caught, model.encoding_errors("bad", "here"):
        raise KeyError("x")
    assert "where: here" in str(caught.value) and "to do" in str(caught.value)


def test_weights_are_hashed_file_by_file_below_the_folder(tmp_path):
    (tmp_path / "2_Dense").mkdir()
    files = {"model.safetensors": b"one", "2_Dense/pytorch_model.bin": b"two", "config.json": b"three"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    del files["config.json"]
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert model.weights_sha256(str(tmp_path)) == expected
    (tmp_path / "none").mkdir()
    with pytest.raises(EncoderError, match="no weights"):
        model.weights_sha256(str(tmp_path / "none"))


OFFLINE = """
import sys, torch
from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import load_encoder
encoder = load_encoder(sys.argv[1], None, torch.device("cpu"))
print(encoder.provenance()["weights_sha256"], encoder.encode(["a red fox"]).shape)
"""


@pytest.fixture
def hub(tmp_path, bert):
    """Runs a program without a network, whose cache holds the model org/bert."""
    cache = tmp_path / "hub" / "models--org--bert"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0" * 40)
    (cache / "snapshots").mkdir()
    (cache / "snapshots" / ("0" * 40)).symlink_to(bert)

    def run(asked: str):
        return subprocess.run(
            [sys.executable, "-c", OFFLINE, asked],
            env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.slow
def test_a_model_by_name_comes_from_the_cache_without_a_network(hub, bert):
    done = hub("hf:org/bert")
    assert done.returncode == 0, done.stderr
    sha256 = hashlib.sha256((bert / "model.safetensors").read_bytes()).hexdigest()
    assert sha256 in done.stdout and "(1, 16)" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hf", "sentence-transformers"])
def test_a_model_that_cannot_be_had_without_a_network_is_told(hub, kind, minilm):
    done = hub(f"{kind}:org/none")
    assert "EncoderError: the model cannot be loaded: OSError" in done.stderr
    assert "where: org/none" in done.stderr and "takes a network" in done.stderr


def test_the_folder_of_the_tests_model_is_one(bert):
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in Path(bert).iterdir()
    }
