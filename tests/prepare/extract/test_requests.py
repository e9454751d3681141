from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.errors import ExtractionError
from gzslbench.plugins.extractor import ExtractorSpec
from gzslbench.prepare.extract.extract import features_name, make_request

ONE = ExtractorSpec("res-net", "R", "", "", "", "", layers=("last", "first"))
MANY = replace(ONE, name="hf", layers=(), poolings=("own", "mean"), model="MODEL")


@pytest.mark.parametrize(
    ("asked", "crops", "boxed", "name"),
    [
        ({}, None, False, "hf_facebook_dinov2_base_main"),
        ({"layer": "2"}, None, False, "hf_facebook_dinov2_base_main_layer_2"),
        (
            {"layer": "-2", "pooling": "mean"},
            "ten",
            True,
            "hf_facebook_dinov2_base_main_layer_minus_2_mean_ten_boxes",
        ),
        ({"layer": "blocks.2", "pooling": "own"}, None, False, "hf_facebook_dinov2_base_main_blocks.2"),
    ],
)
def test_the_name_of_features_has_everything_that_is_not_the_default(asked, crops, boxed, name):
    assert features_name(MANY, make_request(MANY, "facebook/dinov2-base@main", **asked), crops, boxed) == name


def test_defaults_are_not_part_of_the_name():
    assert features_name(ONE, make_request(ONE, layer="last", pooling="mean"), None, False) == "res_net"
    assert features_name(ONE, make_request(ONE, layer="first"), None, False) == "res_net_first"


def test_a_model_in_a_folder_has_the_name_of_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "some" / "my-model.v2"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder.parent)
    for model in (str(folder), f"{folder}/", "my-model.v2", "./my-model.v2", "~/some/my-model.v2"):
        assert features_name(MANY, make_request(MANY, model), None, False) == "hf_my_model.v2"
    monkeypatch.chdir(folder)
    assert features_name(MANY, make_request(MANY, "."), None, False) == "hf_my_model.v2"
    assert features_name(MANY, make_request(MANY, "some/my-model.v2"), None, False) == "hf_some_my_model.v2"


def test_a_model_is_required_exactly_if_the_extractor_takes_one():
    with pytest.raises(ExtractionError, match="needs a model") as caught:
        make_request(MANY)
    assert caught.value.fix == "write hf:MODEL"
    with pytest.raises(ExtractionError, match="takes no model"):
        make_request(ONE, "facebook/dinov2-base")
