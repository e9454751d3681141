"""``gzslbench extract`` with an extractor that names a model."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from gzslbench.cli import main
from gzslbench.data.formats.hdf5 import stored_extraction
from gzslbench.data.load import load_dataset

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytestmark = pytest.mark.acceptance  # transformers takes seconds to import its models


def call(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    """A small ResNet of random weights, as a download of its repository is."""
    folder = tmp_path / "models" / "tiny-resnet"
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic"
    )
    transformers.ResNetModel(config).save_pretrained(folder)
    processor = transformers.ConvNextImageProcessorPil(size={"shortest_edge": 24}, crop_pct=0.875)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def extracted(world, folder):
    def call_it(*more):
        places = ("--data", world.folder.parent, "--images", world.images, "--device", "cpu")
        return call("extract", "--dataset", "FLO", "--extractor", f"hf:{folder}", *places, *more)

    return call_it


def test_features_of_a_model_in_a_folder_are_called_after_it_and_are_transformers_own(
    world, folder, extracted
):
    outcome = extracted()
    assert outcome.exit_code == 0, outcome.output
    dataset = load_dataset("FLO", "hf_tiny_resnet", root=world.folder.parent)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    with Image.open(world.images / dataset.image_files[7]) as picture, torch.inference_mode():
        expected = model(**processor(images=picture, return_tensors="pt")).pooler_output.flatten()
    assert dataset.features.shape == (40, 12)
    assert np.allclose(dataset.features[7], expected.numpy(), rtol=1e-4, atol=1e-5)
    told = stored_extraction(world.folder / "hf_tiny_resnet.h5")
    assert told["model"] == str(folder) and told["weights"] == "tiny-resnet"
    assert told["packages"]["transformers"] == transformers.__version__
    outcome = extracted("--layer", "-2", "--pooling", "max")
    assert outcome.exit_code == 0, outcome.output
    other = load_dataset("FLO", "hf_tiny_resnet_layer_minus_2_max", root=world.folder.parent)
    assert other.features.shape == (40, 8)
    runs = ("--features", "hf_tiny_resnet", "--results", world.folder.parent / "runs", "--json")
    ran = call("run", "--method", "eszsl", "--dataset", "FLO", "--data", world.folder.parent, *runs)
    assert ran.exit_code == 0, ran.output


def test_a_missing_part_of_a_model_is_an_error_before_anything_is_written(world, folder, extracted):
    outcome = extracted("--pooling", "cls")
    assert outcome.exit_code == 2 and "no class token" in outcome.output, outcome.output
    (folder / "model.safetensors").unlink()
    outcome = extracted()
    assert outcome.exit_code == 2 and "cannot be loaded" in outcome.output
    assert not list(world.folder.glob("hf_*"))


def test_extractors_that_take_a_model_are_listed_with_examples():
    listed = call("extractors").output
    for words in ("hf:MODEL", "timm:NAME", "torchvision:NAME", "resnet101"):
        assert words in listed
    told = call("extractors", "hf").output
    for words in (
        "--layer N",
        "own, cls, mean, max",
        "--extractor hf:facebook/dinov2-base",
        "as the model has it",
    ):
        assert words in told
    content = json.loads(call("extractors", "hf", "--json").output)
    assert content["model"] == "MODEL" and content["width"] is None and len(content["examples"]) > 2
