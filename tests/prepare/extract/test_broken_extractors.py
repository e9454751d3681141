"""What an extractor of a plugin gives is checked: its weights, its preprocessing, its features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gzslbench.errors import ExtractionError, GzslBenchError, PluginError
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, ImageTransform, Preparation, Weights
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.extract import extract, repeat
from gzslbench.prepare.extract.compute import compute_features
from gzslbench.prepare.extract.extract import load_extractor, make_request

SPEC = ExtractorSpec("theirs", "Theirs", "", "", f"{__name__}:load", "")
GOOD = Weights("w.pt", "0" * 64)
NETWORK = torch.nn.Identity().eval()
LOADED: list[object] = []


def load(request):
    found = LOADED.pop()
    return found() if callable(found) else found


def half(image):
    return torch.zeros(3, 8, 8)


def deep():
    found: dict[str, object] = {}
    for _ in range(5000):
        found = {"a": found}
    return found


@pytest.mark.parametrize(
    ("weights", "preparation", "words"),
    [
        (None, Preparation(), "the weights has name=None"),
        (replace(GOOD, name=b"x"), Preparation(), "the weights has name=b'x'"),
        (replace(GOOD, sha256=3), Preparation(), "the weights has sha256=3"),
        (replace(GOOD, finetuning=[1]), Preparation(), r"the weights has finetuning=\[1\]"),
        (GOOD, Preparation(crop=0), "the preparation has crop=0"),
        (GOOD, Preparation(crop="224"), "the preparation has crop='224'"),
        (GOOD, Preparation(crops="five"), "the preparation has crops='five'"),
        (GOOD, Preparation(std=(0, 1, 1)), r"std=\(0, 1, 1\)"),
        (GOOD, Preparation(std=(float("nan"), 1, 1)), "std="),
        (GOOD, Preparation(mean=(0.5, 0.5)), r"mean=\(0.5, 0.5\)"),
        (GOOD, ImageTransform(3, {}), "the transform has transform=3"),
        (GOOD, ImageTransform(half, None), "the transform has settings=None"),
    ],
)
def test_weights_and_preprocessing_of_another_kind_are_refused(weights, preparation, words):
    with pytest.raises(PluginError, match=words):
        Extractor(torch.nn.Identity(), weights, preparation)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("network", "TypeError: it returned str"),
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: open("/not/there.pt"), "No such file"),  # noqa: PTH123, SIM115 - as a plugin may
        (Extractor(NETWORK, GOOD, Preparation(), ("no-such-package",)), "PackageNotFound"),
        (Extractor(NETWORK, GOOD, ImageTransform(half, {"a": {1}})), "TypeError: .*set"),
        (
            Extractor(NETWORK, GOOD, ImageTransform(half, {"a": np.nan})),
            "ValueError: Out of range",
        ),
        (Extractor(NETWORK, GOOD, ImageTransform(half, {1: 1, None: 2})), "TypeError"),
        (Extractor(NETWORK, GOOD, ImageTransform(half, deep())), "RecursionError"),
        (Extractor(NETWORK, GOOD, ImageTransform(half, {"a": "x" * 10**6})), "more than 100000"),
        (Extractor(NETWORK, replace(GOOD, finetuning={"a": {1}}), Preparation()), "TypeError"),
    ],
)
def test_an_extractor_that_cannot_be_stored_with_its_features_is_named(found, words):
    LOADED.append(found)
    with pytest.raises(PluginError, match=f"^theirs cannot be loaded: .*{words}") as error:
        load_extractor(SPEC, make_request(SPEC))
    assert error.value.where == SPEC.load


def grows(image):
    return torch.zeros(3, 8, 8 + image.size[0] % 7 + int(np.asarray(image).sum()) % 3)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (lambda image: None, "its transform gives <class 'NoneType'>"),
        (lambda image: torch.zeros(8), r"its transform gives .*\(8,\)"),
        (lambda image: torch.zeros(1, 8, 8), r"\(1, 8, 8\)"),
        (lambda image: torch.zeros(3, 8, 8, dtype=torch.uint8), "uint8"),
        (grows, "unlike another image"),
    ],
)
def test_a_transform_that_gives_no_input_of_the_network_is_named_with_the_image(
    small, world, tmp_path, transform, words
):
    extraction = small()
    extractor = replace(extraction.extractor, preparation=ImageTransform(transform, {}))
    extraction = replace(extraction, extractor=extractor)
    listed = extract.read_list(extract.find_folder(str(world.folder), None), world.images)
    with pytest.raises(ExtractionError, match=words):
        _, failures = compute_features(extraction, listed, world.images, tmp_path / "partial")
        raise ExtractionError("\n".join(failures.values()))


@pytest.mark.parametrize("change", [torch.Tensor.to_sparse, lambda rows: rows.to("meta")])
def test_features_without_values_in_memory_are_refused(small, change):
    extraction = small()
    plain = extraction.extractor.network.forward
    extraction.extractor.network.forward = lambda images: change(plain(images))
    with pytest.raises(ExtractionError, match="not to a row per image"):
        extraction.features(torch.zeros(2, 1, 3, 16, 16, dtype=torch.uint8))


def test_further_images_with_features_of_another_width_are_refused(small, world):
    extraction = small(batch_size=3)
    network = extraction.extractor.network
    network.forward = lambda images: torch.ones(len(images), len(images))
    with pytest.raises(ExtractionError, match=r"gives \(3,\) of an image, after \(1,\) before"):
        repeat.extract_files(extraction, [world.file(number) for number in (1, 2, 3)])


def test_a_setting_called_crops_is_not_an_option(small, monkeypatch):
    extraction = small()
    extractor = replace(extraction.extractor, preparation=ImageTransform(half, {"crops": "ten"}))
    monkeypatch.setattr(repeat, "load_extractor", lambda *_: extractor)
    request = make_request(plugins().extractor("resnet101"))
    extraction = replace(extraction, extractor=extractor, request=request)
    stored = {**extraction.provenance(), "extractor": "resnet101", "version": 1}
    assert repeat.repeat_extraction(stored).extractor.preparation is extractor.preparation


@pytest.mark.parametrize("network", [lambda images: images, torch.nn.ModuleDict()])
def test_a_network_that_is_no_module_is_refused(network):
    LOADED.append(Extractor(network, GOOD, Preparation()))
    with pytest.raises(PluginError, match=r"its network is not a torch\.nn\.Module"):
        load_extractor(SPEC, make_request(SPEC))


def test_a_mean_in_a_list_is_as_one_in_a_tuple(small):
    pixels = torch.randint(256, (2, 1, 3, 16, 16), dtype=torch.uint8)
    plain = small()
    preparation = replace(plain.extractor.preparation, mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.2])
    listed = replace(plain, extractor=replace(plain.extractor, preparation=preparation))
    same = replace(preparation, mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2))
    other = replace(plain, extractor=replace(plain.extractor, preparation=same))
    assert torch.equal(listed.features(pixels)[0], other.features(pixels)[0])


@pytest.mark.parametrize(
    "regions", [None, [], "x", 3, {"grid": 0}, {"grid": "a"}, {"grid": 2.5}, {"dtype": "int8"}, {"zz": 1}]
)
def test_regions_of_a_file_that_no_extraction_has_are_refused(small, monkeypatch, regions):
    monkeypatch.setattr(repeat, "load_extractor", lambda *_: small().extractor)
    stored = {**small().provenance(), "extractor": "resnet101", "regions": regions}
    with pytest.raises(ExtractionError, match="regions"):
        repeat.repeat_extraction(stored, regions=True)


def test_an_extraction_without_the_name_of_its_extractor_is_an_error(small):
    with pytest.raises(GzslBenchError, match="no extractor 'None'"):
        repeat.repeat_extraction({"layer": "x"})
