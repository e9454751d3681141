from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.extract import make_request
from gzslbench.prepare.extract.image import preprocess
from gzslbench_features.timm import SPEC
from gzslbench_features.timm.loading import (
    check_complete,
    collect_missing_weights,
    find_pretraining,
    load,
)

try:
    import timm
except (ImportError, RuntimeError) as error:
    timm, WHY = None, f"timm does not import: {error}"
else:
    WHY = ""
needed = pytest.mark.skipif(timm is None, reason=WHY)
VIT, SWIN = "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"
NAMES = ("resnet18", VIT, SWIN, "mobilenetv3_small_050", "convnext_atto")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Makes a file of a network's random weights; gives the network too."""
    folder, made = tmp_path_factory.mktemp("weights"), {}

    def file_of(name):
        if name not in made:
            torch.manual_seed(0)
            network = timm.create_model(name).eval()
            torch.save(network.state_dict(), folder / f"{name}.pth")
            made[name] = network, folder / f"{name}.pth"
        return made[name]

    return file_of


def loaded(name, weights, **asked):
    return load(make_request(SPEC, name, str(weights), **asked))


@needed
@pytest.mark.parametrize("name", NAMES)
def test_features_are_what_the_classifier_sees(file, name):
    network, weights = file(name)
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        features = loaded(name, weights).network(images)
        expected = network.forward_head(network.forward_features(images), pre_logits=True)
        assert torch.allclose(features, expected, atol=1e-5)
        assert torch.allclose(network.get_classifier()(features), network(images), atol=1e-5)


@needed
def test_files_of_safetensors_are_read_too(file, tmp_path):
    from safetensors.torch import save_file

    network, weights = file("resnet18")
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        found = loaded("resnet18", tmp_path / "weights.safetensors").network(images)
        assert torch.equal(found, loaded("resnet18", weights).network(images))


@needed
@pytest.mark.parametrize(
    ("name", "module", "spread"),
    [
        ("resnet18", "layer4", lambda state: state.flatten(2)),
        (VIT, "blocks.11", lambda state: state[:, 1:].transpose(1, 2)),
        (SWIN, "layers.3", lambda state: state.flatten(1, 2).transpose(1, 2)),
    ],
)
def test_layers_are_blocks_or_stages_without_class_tokens(file, name, module, spread):
    network, weights = file(name)
    images = torch.randn(1, 3, 224, 224)
    seen = {}
    hook = network.get_submodule(module).register_forward_hook(lambda _, given, made: seen.update(it=made))
    with torch.inference_mode():
        network(images)
        mean = loaded(name, weights, layer="-1").network(images)
        largest = loaded(name, weights, layer="-1", pooling="max").network(images)
    hook.remove()
    assert torch.allclose(mean, spread(seen["it"]).mean(2), atol=1e-5)
    assert torch.allclose(largest, spread(seen["it"]).amax(2), atol=1e-5)


@needed
def test_images_get_the_transform_of_the_model_in_timm(file):
    network, weights = file("resnet18")
    settings = timm.data.resolve_model_data_config(network)
    image = Image.fromarray(np.random.default_rng(0).integers(256, size=(331, 500, 3), dtype=np.uint8))
    preparation = loaded("resnet18", weights).preparation
    expected = timm.data.create_transform(**settings, is_training=False)(image)
    assert torch.equal(preprocess(image, preparation), expected[None])
    assert torch.equal(pickle.loads(pickle.dumps(preparation.transform))(image), expected)
    assert json.loads(json.dumps(preparation.settings))["crop_pct"] == settings["crop_pct"]


@needed
@pytest.mark.parametrize(
    ("name", "asked", "complaint"),
    [
        ("resnet19", {}, "no model 'resnet19'"),
        ("resnet18", {"layer": "7"}, "gives no features of an image"),
        ("resnet18", {"layer": "layer4"}, "gives no features of an image"),
        ("resnet18", {"pooling": "max"}, "only the activations of a layer"),
    ],
)
def test_an_unknown_model_or_layer_is_an_error(file, name, asked, complaint):
    weights = file(name)[1] if name != "resnet19" else "none.pth"
    with pytest.raises(ExtractionError, match=complaint):
        loaded(name, weights, **asked)


@needed
def test_weights_of_another_network_and_missing_weights_are_refused(file, monkeypatch):
    with pytest.raises(ExtractionError, match="another network"):
        loaded("resnet34", file("resnet18")[1])
    with pytest.raises(ExtractionError, match="cannot be loaded"):
        load(make_request(SPEC, "resnet18.no_such_tag"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ExtractionError, match="cannot be loaded") as caught:
        load(make_request(SPEC, "resnet18.a1_in1k"))
    assert "--weights" in caught.value.fix


@needed
def test_the_names_own_weights_are_named_by_what_they_are(file, monkeypatch):
    network, _ = file("resnet18")
    create = timm.create_model

    def created(name, pretrained, num_classes):
        made = create(name, num_classes=num_classes)
        made.load_state_dict(network.state_dict(), strict=False)
        return made

    monkeypatch.setattr(timm, "create_model", created)
    weights = [load(make_request(SPEC, "resnet18.a1_in1k")).weights for _ in range(2)]
    assert weights[0] == weights[1] and weights[0].name == "resnet18.a1_in1k"


@pytest.fixture
def saved(tmp_path):
    """Makes a folder as timm's hub has them, of resnet18 with these weights."""

    def save(network, state):
        kept = {
            k: v for k, v in network.pretrained_cfg.items() if k not in ("url", "hf_hub_id", "file", "source")
        }
        config = {"architecture": "resnet18", "num_classes": 1000, "pretrained_cfg": kept}
        (tmp_path / "config.json").write_text(json.dumps(config))
        torch.save(state, tmp_path / "pytorch_model.bin")
        return f"local-dir:{tmp_path}"

    return save


@needed
def test_a_folder_with_all_weights_is_loaded(file, saved):
    network, _ = file("resnet18")
    found = load(make_request(SPEC, saved(network, network.state_dict()))).network.state_dict()
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in found.items())


@needed
@pytest.mark.parametrize("lost", ["layer4", "bn1.running_mean", ""])
def test_a_folder_that_lacks_weights_is_refused(file, saved, lost):
    network, _ = file("resnet18")
    state = {name: value for name, value in network.state_dict().items() if not name.startswith(lost)}
    state |= {f"backbone.{name}": value for name, value in network.state_dict().items() if not lost}
    with pytest.raises(ExtractionError, match=rf"weights are missing, for example .*{lost}"):
        load(make_request(SPEC, saved(network, state)))


def test_weights_without_a_value_are_collected():
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    state = network.state_dict()
    del state["0.bias"], state["1.running_var"]
    before = torch.nn.Module.load_state_dict
    with collect_missing_weights() as missing:
        network.load_state_dict(state, strict=False)
    assert missing == ["0.bias", "1.running_var"] and torch.nn.Module.load_state_dict is before
    with pytest.raises(ExtractionError, match=r"2 weights are missing, for example 0\.bias"):
        check_complete(missing, ["fc"], "timm:x")


def test_the_normalization_before_a_classifier_may_be_missing():
    check_complete(["head.norm.weight", "head.norm.bias"], ["head.fc"], "timm:x")
    for classifiers in (["fc"], []):
        with pytest.raises(ExtractionError, match=r"head\.norm\.bias"):
            check_complete(["head.norm.bias"], classifiers, "timm:x")


@pytest.mark.skipif(timm is not None, reason="timm imports here")
def test_a_missing_or_unfit_timm_is_reported():
    with pytest.raises(ExtractionError) as caught:
        load(make_request(SPEC, "resnet18"))
    assert "gzslbench[timm]" in caught.value.fix or "built for this torch" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "pretraining"),
    [
        ("resnet50.a1_in1k", "imagenet-1k"),
        ("convnext_base.fb_in22k_ft_in1k", "imagenet-22k"),
        ("vit_base_patch16_224.augreg_in21k", "imagenet-22k"),
        ("vit_base_patch16_clip_224.laion2b_ft_in12k_in1k", "imagenet-22k"),
        ("vit_base_patch16_clip_224.openai", "web image-text"),
        ("vit_base_patch16_siglip_224.webli", "web image-text"),
        ("vit_base_patch14_dinov2.lvd142m", "self-supervised: lvd-142m"),
        ("vit_base_patch16_224.mae", "self-supervised: imagenet-1k"),
        ("regnety_160.swag_ft_in1k", "web images with hashtags"),
        ("tf_efficientnet_b0.ns_jft_in1k", "web images with labels"),
        ("resnet50", "unknown"),
        ("mine.my_tag", "unknown"),
    ],
)
def test_what_weights_learned_from_is_read_from_their_tag(name, pretraining):
    assert find_pretraining(name) == pretraining
