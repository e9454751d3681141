from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.extract import make_request
from gzslbench.prepare.extract.image import preprocess
from gzslbench_features.torchvision import SPEC
from gzslbench_features.torchvision.loading import (
    channel_axis,
    find_pretraining,
    find_transforms,
    load,
    sha256_start,
)

try:
    from torchvision import models
except (ImportError, RuntimeError) as error:
    models, WHY = None, f"torchvision does not import: {error}"
else:
    WHY = ""
needed = pytest.mark.skipif(models is None, reason=WHY)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Makes a file of a network's random weights; gives the network too, without dropout."""
    folder, made = tmp_path_factory.mktemp("weights"), {}

    def file_of(name, **settings):
        if name not in made:
            torch.manual_seed(0)
            network = models.get_model(name, weights=None, **settings).eval()
            torch.save(network.state_dict(), folder / f"{name}.pth")
            made[name] = network, folder / f"{name}.pth"
        return made[name]

    return file_of


def loaded(name, weights, **asked):
    return load(make_request(SPEC, name, str(weights), **asked))


LAST = {
    "resnet18": "fc", "mobilenet_v3_small": "classifier.3", "swin_t": "head", "vit_b_32": "heads.head",
    "convnext_tiny": "classifier.2", "maxvit_t": "classifier.5", "densenet121": "classifier",
    "mnasnet0_5": "classifier.1",
}  # fmt: skip


@needed
@pytest.mark.parametrize("name", LAST)
def test_the_last_layer_makes_the_networks_scores_of_the_features(file, name):
    network, weights = file(name)
    images = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        features = loaded(name, weights).network(images)
        scores = network.get_submodule(LAST[name])(features)
        assert torch.allclose(scores, network(images), rtol=1e-4, atol=1e-5)


@needed
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_networks_that_shift_the_colours_with_their_weights_do_so_here(file, name):
    network, weights = file(name, transform_input=True, init_weights=False)
    images = torch.randn(1, 3, 299, 299)
    with torch.inference_mode():
        features = loaded(name, weights).network(images)
        assert torch.allclose(network.fc(features), network(images), rtol=1e-4, atol=1e-5)


@needed
@pytest.mark.parametrize(("name", "layer"), [("resnet18", "layer3"), ("squeezenet1_1", "features")])
def test_a_node_is_pooled_over_places(file, name, layer):
    network, weights = file(name)
    seen = {}
    hook = network.get_submodule(layer).register_forward_hook(lambda _, given, made: seen.update(it=made))
    images = torch.randn(2, 3, 96, 64)
    with torch.inference_mode():
        network(images)
        assert torch.equal(loaded(name, weights, layer=layer).network(images), seen["it"].mean(dim=(2, 3)))
        largest = loaded(name, weights, layer=layer, pooling="max").network(images)
        assert torch.equal(largest, seen["it"].flatten(2).max(dim=2).values)
    hook.remove()


@needed
def test_a_node_with_its_channels_last_is_pooled_over_places_too(file):
    _, weights = file("swin_t")
    images = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        last = loaded("swin_t", weights, layer="features.3").network(images)
        first = loaded("swin_t", weights, layer="permute").network(images)
        usual = loaded("swin_t", weights).network(images)
    assert last.shape == (2, 192)
    assert torch.allclose(first, usual, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "axis"), [((1, 64, 7, 7), 1), ((1, 7, 7, 64), 3), ((1, 7, 64, 7), None), ((1, 7, 7, 7), None)]
)
def test_the_channel_axis_is_found_next_to_a_square(shape, axis):
    if axis is None:
        with pytest.raises(ValueError, match="neither"):
            channel_axis(torch.zeros(shape))
    else:
        assert channel_axis(torch.zeros(shape)) == axis


@needed
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("resnet18", "IMAGENET1K_V1"),
        ("resnet50", "IMAGENET1K_V2"),
        ("swin_t", "IMAGENET1K_V1"),
        ("vit_b_16", "IMAGENET1K_SWAG_E2E_V1"),
        ("inception_v3", "IMAGENET1K_V1"),
    ],
)
@pytest.mark.parametrize("size", [(331, 500), (401, 400)])
def test_images_get_the_transforms_of_the_weights_of_that_sha256(name, published, size):
    weights = models.get_model_weights(name)[published]
    sha256 = sha256_start(weights) + "0" * 56
    preparation, crop = find_transforms(list(models.get_model_weights(name)), sha256)
    image = Image.fromarray(np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8))
    pixels = preprocess(image, preparation)
    assert torch.equal(pixels[0], weights.transforms()(image)) and pixels.shape == (1, 3, crop, crop)
    assert torch.equal(pickle.loads(pickle.dumps(preparation.transform))(image), pixels[0])


@needed
def test_every_published_file_has_transforms_with_one_size():
    for name in models.list_models(module=models):
        for weights in models.get_model_weights(name):
            preparation, crop = find_transforms([weights], sha256_start(weights))
            assert len(sha256_start(weights)) >= 8 and crop > 0 and "resize" in str(preparation.settings)


@needed
def test_published_weights_are_downloaded_with_their_preparation(file, monkeypatch):
    _, weights = file("resnet18")
    asked = []
    monkeypatch.setattr(
        "gzslbench_features.torchvision.loading.download_weights",
        lambda *given: asked.append(given) or weights,
    )
    for name in ("DEFAULT", "IMAGENET1K_V1"):
        load(make_request(SPEC, "resnet18", name))
    url = models.ResNet18_Weights.IMAGENET1K_V1.url
    assert asked == [(url, "f37072fd")] * 2


@needed
def test_old_names_of_weights_are_known(file, tmp_path):
    import re

    network, weights = file("densenet121")
    old = {
        re.sub(r"(denselayer\d+\.\w+)(\d)\.", r"\1.\2.", name): value
        for name, value in network.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        found = loaded("densenet121", tmp_path / "old.pth").network(images)
        assert torch.equal(found, loaded("densenet121", weights).network(images))


@needed
@pytest.mark.parametrize(
    ("name", "asked", "complaint"),
    [
        ("resnet19", {}, "did you mean 'resnet1"),
        ("squeezenet1_1", {}, "does not end in a linear layer"),
        ("resnet18", {"layer": "layer5"}, "no node 'layer5'"),
        ("resnet18", {"pooling": "max"}, "only the activations of a layer"),
        ("vit_b_32", {"layer": "encoder.ln"}, r"neither \(C, h, h\)"),
    ],
)
def test_an_unknown_model_or_layer_is_an_error(file, name, asked, complaint):
    weights = file(name)[1] if name != "resnet19" else "none.pth"
    with pytest.raises(ExtractionError, match=complaint):
        loaded(name, weights, **asked)


@needed
def test_without_weights_the_known_ones_are_named():
    with pytest.raises(ExtractionError, match="without weights") as caught:
        load(make_request(SPEC, "resnet50"))
    assert "DEFAULT or IMAGENET1K_V1 or IMAGENET1K_V2" in caught.value.fix


@pytest.mark.skipif(models is not None, reason="torchvision imports here")
def test_a_missing_or_unfit_torchvision_is_reported():
    for _ in range(2):
        with pytest.raises(ExtractionError) as caught:
            load(make_request(SPEC, "resnet50"))
        assert "gzslbench[torchvision]" in caught.value.fix or "built for this torch" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "sha256", "pretraining"),
    [
        ("IMAGENET1K_V2", "0123abcd" * 8, "imagenet-1k"),
        ("IMAGENET1K_SWAG_E2E_V1", "0123abcd" * 8, "web images with hashtags"),
        ("IMAGENET1K_V2", "ffff0000" * 8, "unknown"),
        ("MINE", "0123abcd" * 8, "unknown"),
    ],
)
def test_what_published_weights_learned_from_is_known_by_name_and_sha256(name, sha256, pretraining):
    published = [SimpleNamespace(name=name, url="https://a.b/net-0123abcd.pth")]
    assert find_pretraining(published, sha256) == pretraining
