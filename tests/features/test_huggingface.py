from __future__ import annotations

import json
import os
import pickle
import sys
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.extract import load_extractor, make_request
from gzslbench.prepare.extract.image import normalize, preprocess
from gzslbench.testing import extractor_checks
from gzslbench_features.huggingface import SPEC
from gzslbench_features.huggingface.loading import ModelSource, find_pretraining, load

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytestmark = pytest.mark.acceptance  # transformers takes seconds to import its models
KINDS = ("vit", "dinov2", "registers", "clip", "siglip", "swin", "resnet", "convnext")
FEATURES = torch.Generator().manual_seed(1)


@pytest.fixture(scope="module")
def folder(saved):
    return cache(saved)


def loaded(folder, **asked):
    return load(make_request(SPEC, str(folder), **asked))


def found(folder, images, **asked):
    with torch.inference_mode():
        return loaded(folder, **asked).network(images)


def plainly(folder, kind, images):
    """The usual feature by the class that the model's page names."""
    with torch.inference_mode():
        if kind in ("clip", "siglip"):
            model = transformers.AutoModel.from_pretrained(folder).eval()
            return model.get_image_features(pixel_values=images).pooler_output
        if kind in ("vit", "dinov2", "registers"):
            model = transformers.AutoModel.from_pretrained(folder).eval()
            return model(images).last_hidden_state[:, 0]
        model = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
        base = getattr(model, model.base_model_prefix)
        return base(images).pooler_output.flatten(1)


def images_for(folder):
    crop = preprocess(Image.new("RGB", (50, 40)), loaded(folder).preparation).shape[-1]
    return torch.randn(2, 3, crop, crop, generator=FEATURES)


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_feature_is_the_one_that_transformers_gives(folder, kind):
    images = images_for(folder(kind))
    features = found(folder(kind), images)
    assert features.ndim == 2 and torch.isfinite(features).all() and features.std() > 0
    assert torch.allclose(features, plainly(folder(kind), kind, images), rtol=1e-5, atol=1e-6)


def test_what_a_classifier_adds_to_the_feature_gives_its_scores(folder):
    for kind in ("vit", "swin", "resnet", "convnext"):
        images = images_for(folder(kind))
        model = transformers.AutoModelForImageClassification.from_pretrained(folder(kind)).eval()
        with torch.inference_mode():
            scores, features = model(images).logits, found(folder(kind), images)
            assert torch.allclose(model.classifier(features), scores, rtol=1e-4, atol=1e-4), kind


@pytest.mark.parametrize(
    ("kind", "special"),
    [("vit", 1), ("dinov2", 1), ("registers", 5), ("clip", 1), ("siglip", 0), ("swin", 0)],
)
def test_layers_are_hidden_states_and_poolings_are_over_patches_only(folder, kind, special):
    images = images_for(folder(kind))
    model = transformers.AutoModel.from_pretrained(folder(kind)).eval()
    with torch.inference_mode():
        states = getattr(model, "vision_model", model)(images, output_hidden_states=True).hidden_states
    for layer in (0, -1):
        state, patches = states[layer], states[layer][:, special:]
        mean = found(folder(kind), images, layer=str(layer), pooling="mean")
        largest = found(folder(kind), images, layer=str(layer), pooling="max")
        assert torch.allclose(mean, patches.mean(dim=1), atol=1e-6)
        assert torch.equal(largest, patches.max(dim=1).values)
        default = found(folder(kind), images, layer=str(layer))
        assert torch.equal(default, state[:, 0] if special else mean)
    if special:
        assert torch.equal(found(folder(kind), images, layer="-1", pooling="cls"), state[:, 0])


@pytest.mark.parametrize("kind", ["resnet", "convnext"])
def test_layers_of_convolutions_are_pooled_over_places(folder, kind):
    images = images_for(folder(kind))
    model = transformers.AutoModel.from_pretrained(folder(kind)).eval()
    with torch.inference_mode():
        states = model(images, output_hidden_states=True).hidden_states
    for layer in (0, -2):
        mean = found(folder(kind), images, layer=str(layer))
        assert torch.allclose(mean, states[layer].mean(dim=(2, 3)), atol=1e-6)
        largest = found(folder(kind), images, layer=str(layer), pooling="max")
        assert torch.equal(largest, states[layer].flatten(2).max(dim=2).values)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_those_of_the_models_own_processor(folder, kind):
    processor = transformers.AutoImageProcessor.from_pretrained(folder(kind), backend="pil")
    preparation = loaded(folder(kind)).preparation
    assert preparation.settings == json.loads(processor.to_json_string())
    for size in ((97, 61), (40, 83), (33, 32), (32, 32), (51, 50), (7, 9)):
        image = Image.fromarray(np.random.default_rng(3).integers(256, size=(*size, 3), dtype=np.uint8))
        expected = processor(images=image, return_tensors="pt")["pixel_values"]
        pixels = normalize(preprocess(image, preparation), preparation)
        assert pixels.dtype == torch.float32 and torch.equal(pixels, expected), size


@pytest.mark.parametrize(
    "settings",
    [
        {
            "size": {"height": 37, "width": 37},
            "do_center_crop": True,
            "crop_size": {"height": 32, "width": 32},
        },
        {"resample": 1},
        {"resample": 3, "do_normalize": False},
        {"image_mean": [0.1, 0.2, 0.3], "image_std": [1.0, 2.0, 0.5]},
    ],
)
def test_other_settings_of_the_processor_are_used(saved, settings):
    folder = saved("vit", **settings)
    picture = Image.fromarray(np.random.default_rng(3).integers(256, size=(45, 58, 3), dtype=np.uint8))
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    expected = processor(images=picture, return_tensors="pt")["pixel_values"]
    assert torch.equal(preprocess(picture, loaded(folder).preparation), expected)


@pytest.mark.parametrize("settings", [{"do_resize": False}, {"size": {"shortest_edge": 32}}])
def test_a_processor_that_keeps_different_sizes_is_refused(saved, settings):
    with pytest.raises(ExtractionError, match="not bring images to one size") as caught:
        loaded(saved("vit", **settings))
    assert "preprocessor_config.json" in caught.value.fix


def test_a_processor_can_be_sent_to_a_worker_process(folder):
    transform = loaded(folder("vit")).preparation.transform
    image = Image.new("RGB", (50, 40), "red")
    assert torch.equal(pickle.loads(pickle.dumps(transform))(image), transform(image))


def test_its_crops_are_the_processors(folder):
    with pytest.raises(ExtractionError, match="with its own library"):
        load_extractor(SPEC, make_request(SPEC, str(folder("vit"))), "ten")


@pytest.mark.parametrize(
    ("kind", "asked", "complaint"),
    [
        ("resnet", {"pooling": "cls"}, "no class token"),
        ("siglip", {"layer": "1", "pooling": "cls"}, "no class token"),
        ("vit", {"layer": "4"}, "hidden states 0 to 3"),
        ("vit", {"layer": "-5"}, "hidden states 0 to 3"),
        ("vit", {"layer": "encoder"}, "no layer 'encoder'"),
        ("vit", {"pooling": "median"}, "no 'median'"),
        ("vit", {"weights": "vit.pth"}, "has its own weights"),
    ],
)
def test_unknown_layers_poolings_and_weights_are_errors(folder, kind, asked, complaint):
    with pytest.raises(ExtractionError, match=complaint):
        loaded(folder(kind), **asked)


def test_weights_are_named_by_what_they_are_and_half_precision_is_computed_in_full(folder, tmp_path):
    first, second = loaded(folder("vit")).weights, loaded(folder("vit")).weights
    assert first == second and first.name == folder("vit").name and len(first.sha256) == 64
    model = transformers.AutoModel.from_pretrained(folder("vit"), dtype=torch.float16)
    model.save_pretrained(tmp_path)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    half = loaded(tmp_path)
    assert {weights.dtype for weights in half.network.parameters()} == {torch.float32}
    assert half.weights.sha256 != first.sha256


def test_an_untrained_pooling_layer_is_removed(folder):
    """ViT's classifiers are saved without one, and transformers would make it up."""
    names = [name for name, _ in loaded(folder("vit")).network.named_parameters()]
    assert names and not any("pooler" in name for name in names)


def test_missing_weights_are_an_error(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    copy(folder("vit"), tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["vit.layernorm.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ExtractionError, match=r"1 weights are missing.*layernorm"):
        loaded(tmp_path)


class Trap:
    def __reduce__(self):
        return print, ("the code in the file was run",)


def copy(source, target):
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())


def test_safetensors_are_preferred_and_no_code_in_a_file_is_run(folder, tmp_path, capsys):
    copy(folder("vit"), tmp_path)
    torch.save(Trap(), tmp_path / "pytorch_model.bin")
    assert loaded(tmp_path).weights.sha256 == loaded(folder("vit")).weights.sha256
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ExtractionError, match="cannot be loaded"):
        loaded(tmp_path)
    assert "was run" not in capsys.readouterr().out


def test_code_that_comes_with_a_model_is_not_run(folder, tmp_path, capsys):
    copy(folder("vit"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine", "AutoModel": "mine.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "mine.py").write_text("print('was run')")
    with pytest.raises(ExtractionError, match="its own code"):
        loaded(tmp_path)
    assert "was run" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["config.json", "preprocessor_config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_a_folder_with_a_missing_or_damaged_file_is_named(folder, tmp_path, damage, content):
    copy(folder("resnet"), tmp_path)
    (tmp_path / damage).unlink()
    if content is not None:
        (tmp_path / damage).write_bytes(content)
    with pytest.raises(ExtractionError, match="cannot be loaded") as caught:
        loaded(tmp_path)
    assert tmp_path.name in str(caught.value) and "model.safetensors" in caught.value.fix


def test_a_model_without_a_vision_part_is_refused_before_its_weights_are_read(tmp_path):
    transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1).save_pretrained(
        tmp_path
    )
    with pytest.raises(ExtractionError, match="bert is not a vision model"):
        loaded(tmp_path)


def test_a_model_with_random_features_is_refused(tmp_path):
    config = transformers.ViTMAEConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32,
        patch_size=8, decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
    )  # fmt: skip
    transformers.ViTMAEModel(config).save_pretrained(tmp_path)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    with pytest.raises(ExtractionError, match="other features the second time"):
        loaded(tmp_path)


def test_without_a_network_it_says_how_to_do_without(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ExtractionError) as caught:
        loaded("facebook/dinov2-none@main")
    assert "hf download facebook/dinov2-none" in caught.value.fix and "HF_HUB_OFFLINE" in caught.value.fix
    assert "hf:facebook/dinov2-none@main" in str(caught.value)
    with pytest.raises(ExtractionError, match="no such folder"):
        loaded("/nowhere/at/all")


def test_the_error_for_a_gated_model_says_how_to_get_access(monkeypatch):
    class GatedRepoError(OSError):
        pass

    def gated(*given, **more):
        try:
            raise GatedRepoError("401")
        except GatedRepoError as error:
            raise OSError("You are trying to access a gated repo.") from error

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", gated)
    with pytest.raises(ExtractionError, match="owners give access on request") as caught:
        loaded("meta/secret")
    assert "hf auth login" in caught.value.fix


def test_names_revisions_and_folders_are_parsed(tmp_path, monkeypatch):
    assert (
        ModelSource.parse("a/b@main") == ModelSource("a/b", "main")
        and ModelSource.parse("a/b@main").label == "a/b@main"
    )
    (tmp_path / "a" / "b@main").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert ModelSource.parse("a/b@main") == ModelSource(str(tmp_path / "a" / "b@main"), is_folder=True)
    assert ModelSource.parse("a/b@main").label == "b@main"


def test_the_name_of_the_weights_has_the_loaded_revision(folder, monkeypatch):
    config = transformers.AutoConfig.from_pretrained(folder("vit"))
    config._commit_hash = "0123abcd"
    asked = []

    def instead(call, told):
        def called(place, revision, **settings):
            asked.append((place, revision))
            return told if told is not None else call(folder("vit"), **settings)

        return called

    for name, told in (("AutoConfig", config), ("AutoImageProcessor", None), ("AutoModel", None)):
        kind = getattr(transformers, name)
        monkeypatch.setattr(kind, "from_pretrained", instead(kind.from_pretrained, told))
    assert loaded("google/vit@main").weights.name == "google/vit@0123abcd"
    assert asked == [("google/vit", "main"), ("google/vit", "0123abcd"), ("google/vit", "0123abcd")]


def test_without_transformers_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ExtractionError, match=r"gzslbench\[hf\]"):
        loaded("any/thing")


def test_an_unfit_torchvision_is_reported(folder, tmp_path, monkeypatch):
    """transformers then loads no vision model, and does not say why."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise RuntimeError('operator does not exist')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExtractionError, match="torchvision is installed and cannot be imported: operator"):
        loaded(folder("vit"))


def test_the_environment_is_restored(folder, monkeypatch):
    for value in ("0", None):
        monkeypatch.delenv("DISABLE_SAFETENSORS_CONVERSION", raising=False)
        if value is not None:
            monkeypatch.setenv("DISABLE_SAFETENSORS_CONVERSION", value)
        loaded(folder("resnet"))
        assert os.environ.get("DISABLE_SAFETENSORS_CONVERSION") == value


@pytest.mark.parametrize("kind", ["clip", "resnet"])
def test_it_passes_the_checks_of_extractors(folder, kind):
    for check in extractor_checks(SPEC, str(folder(kind)))[2:6]:
        check()


@pytest.mark.parametrize(
    ("model", "pretraining"),
    [
        ("facebook/dinov2-base", "self-supervised: lvd-142m"),
        ("openai/clip-vit-large-patch14@main", "web image-text"),
        ("google/vit-base-patch16-224", "imagenet-22k"),
        ("facebook/convnext-base-224", "imagenet-1k"),
        ("facebook/convnext-base-224-22k-1k", "imagenet-22k"),
        ("someone/else", "unknown"),
    ],
)
def test_what_well_known_models_learned_from_is_known_by_name(model, pretraining):
    assert find_pretraining(ModelSource.parse(model)) == pretraining


def test_a_folder_may_contain_any_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facebook" / "dinov2-base").mkdir(parents=True)
    assert find_pretraining(ModelSource.parse("facebook/dinov2-base")) == "unknown"
