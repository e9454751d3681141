"""Regions are the activations that are pooled into the features of the same file."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.data.formats.hdf5 import open_hdf5
from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.compute import ComputedBatch, Regions, compute_features
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench.prepare.extract.listings import list_flowers
from gzslbench.prepare.extract.loading import Pooled

PLACES = 4  # a side: a kernel of 5 with a stride of 3 on 16 pixels


@pytest.fixture
def placed(small):
    """Makes extractions by a small network that has places."""

    def make(regions=None, **settings):
        extraction = small(**settings)
        network = extraction.extractor.network
        pooled = Pooled(network, lambda images: network.convolution(images).relu(), "mean").eval()
        return replace(extraction, extractor=replace(extraction.extractor, network=pooled), regions=regions)

    return make


def run(extraction, world, folder, **more):
    return compute_features(
        extraction, list_flowers(world.folder, world.images), world.images, folder, **more
    )


def activations_one_by_one(extraction, world):
    preparation, network = extraction.extractor.preparation, extraction.extractor.network
    with torch.inference_mode():
        for file in list_flowers(world.folder, world.images).files:
            pixels = normalize(preprocess(read_image(world.images / file), preparation), preparation)
            yield network.network.convolution(pixels).relu()[0]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_each_region_is_the_activation_of_its_place(placed, world, tmp_path, dtype):
    extraction = placed(Regions(None, dtype))
    partial, failures = run(extraction, world, tmp_path / "partial")
    assert failures == {} and partial.regions.dtype == dtype
    expected = np.array(
        [
            [activation[:, row, column].numpy() for row in range(PLACES) for column in range(PLACES)]
            for activation in activations_one_by_one(extraction, world)
        ]
    )
    np.testing.assert_allclose(
        partial.regions, expected, rtol=1e-5 if dtype == "float32" else 1e-3, atol=1e-3
    )
    np.testing.assert_allclose(partial.features, expected.mean(axis=1), rtol=1e-5, atol=1e-6)


def test_a_grid_averages_neighboring_places(placed, world, tmp_path):
    extraction = placed(Regions(2, "float32"))
    partial, _ = run(extraction, world, tmp_path / "partial")
    expected = [
        [quarter.mean(dim=(1, 2)).numpy() for half in a.chunk(2, dim=1) for quarter in half.chunk(2, dim=2)]
        for a in activations_one_by_one(extraction, world)
    ]
    np.testing.assert_allclose(partial.regions, expected, rtol=1e-5, atol=1e-6)


def test_features_are_the_same_with_and_without_regions(placed, world, tmp_path):
    alone, _ = run(placed(), world, tmp_path / "alone")
    both, _ = run(placed(Regions()), world, tmp_path / "both")
    assert alone.regions is None
    np.testing.assert_array_equal(alone.features, both.features)


def test_an_interrupted_extraction_of_regions_continues_to_the_same_bits(placed, world, tmp_path):
    whole, _ = run(placed(Regions()), world, tmp_path / "whole")
    seen = []

    def stop(rows):
        seen.append(rows)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(placed(Regions()), world, tmp_path / "partial", step=stop)
    notes = []
    continued, _ = run(placed(Regions()), world, tmp_path / "partial", note=notes.append)
    assert "continues: 18 of 40 images" in notes[0]
    np.testing.assert_array_equal(continued.regions, whole.regions)
    np.testing.assert_array_equal(continued.features, whole.features)


def test_features_without_regions_do_not_continue_those_with(placed, world, tmp_path):
    run(placed(), world, tmp_path / "partial")
    notes = []
    partial, _ = run(placed(Regions()), world, tmp_path / "partial", note=notes.append)
    assert not notes and partial.regions.any()


def test_a_network_without_places_is_named(small, world, tmp_path):
    with pytest.raises(ExtractionError, match="small gives no vectors of places"):
        run(replace(small(), regions=Regions()), world, tmp_path / "partial")


def test_ten_crops_have_no_regions(placed, world, tmp_path):
    with pytest.raises(ExtractionError, match="regions of 10 crops of an image cannot be averaged"):
        run(placed(Regions(), crops="ten"), world, tmp_path / "partial")


def test_regions_that_float16_cannot_hold_are_refused(placed, world, tmp_path):
    extraction = placed(Regions())
    with torch.no_grad():
        extraction.extractor.network.network.convolution.bias.fill_(1e5)
    with pytest.raises(ExtractionError, match="infinite features") as caught:
        run(extraction, world, tmp_path / "partial")
    assert "--region-type float32" in str(caught.value)


def test_provenance_says_how_regions_were_made(placed):
    assert placed(Regions(7, "float16")).provenance()["regions"] == {"grid": 7, "dtype": "float16"}
    assert "regions" not in placed().provenance()


def test_the_batch_of_an_unreadable_image_is_computed_again(placed, world, tmp_path):
    extraction = placed(Regions())
    broken = world.file(int(world.numbers[0]))
    content = broken.read_bytes()
    broken.write_bytes(b"no image")
    partial, failures = run(extraction, world, tmp_path / "partial")
    assert list(failures) == [0] and not partial.regions[0].any() and partial.regions[1].any()
    broken.write_bytes(content)
    partial, failures = run(extraction, world, tmp_path / "partial")
    assert not failures and partial.regions[0].any()


def cli(*arguments, expect=0):
    outcome = CliRunner().invoke(main, [*map(str, arguments)])
    assert outcome.exit_code == expect, outcome.output
    return outcome.output if expect else outcome.stdout


@pytest.mark.acceptance
def test_the_command_writes_both_and_a_run_reads_them(world, tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    data = world.folder.parent
    base = ["--dataset", "FLO", "--data", data, "--images", world.images, "--extractor", "efficientnet-lite0"]
    cli("extract", *base, "--regions", "--grid", "2")
    file = world.folder / "efficientnet_lite0_2x2.h5"
    stored = open_hdf5(file)
    assert stored.regions.shape == (40, 4, 1280) and stored.regions.dtype == np.float16
    assert stored.extraction["regions"] == {"grid": 2, "dtype": "float16"}
    names = tmp_path / "names.txt"
    names.write_text("".join(f"{number} has_part::colour_{number}\n" for number in range(6)))
    cli(
        *["data", "semantics", "FLO", "--of", "attributes", "--encoder", "words", "--name", "words"],
        "--data",
        data,
        "--attributes",
        names,
    )
    run = [
        "run",
        "--method",
        "dazle",
        "--dataset",
        "FLO",
        "--data",
        data,
        "--features",
        file.stem,
        "--results",
        tmp_path / "results",
        "--epochs",
        "1",
        "--json",
    ]
    refused = cli(*run, expect=2)
    assert "needs a vector of each attribute" in refused and "--semantics att+words" in refused
    record = json.loads(cli(*run, "--semantics", "att+words"))
    assert record["task"]["semantics"] == "att+words"
    assert record["task"]["features"] == "efficientnet_lite0_2x2:regions"
    assert record["task"]["files"]["att+words.csv"]
    refused = cli(*run[:5], "--data", data, "--features", "none", expect=2)
    assert "efficientnet_lite0_2x2" in refused


def test_a_computed_batch_without_rows_stores_nothing(placed, world, tmp_path):
    partial, _ = run(placed(Regions()), world, tmp_path / "partial")
    before = partial.regions.copy()
    partial.store(ComputedBatch(0, [], (), {0: "no image"}), "checksum")
    np.testing.assert_array_equal(partial.regions, before)


def test_a_grid_of_more_places_than_the_layer_has_is_refused(placed, world, tmp_path):
    with pytest.raises(ExtractionError, match="places, not 1000 a side"):
        _ = placed(Regions(1000, "float16")).arrays
