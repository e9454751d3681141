from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gzslbench.errors import ExtractionError, PluginError
from gzslbench.plugins import Extractor, Weights
from gzslbench.prepare.extract.compute import compute_features
from gzslbench.prepare.extract.image import normalize, preprocess, read_image
from gzslbench.prepare.extract.listings import list_flowers


def run(extraction, world, folder, *more, **told):
    return compute_features(
        extraction, list_flowers(world.folder, world.images), world.images, folder, *more, **told
    )


def plainly(extraction, world):
    """One image after the other."""
    rows = []
    with torch.inference_mode():
        for file in list_flowers(world.folder, world.images).files:
            preparation = extraction.extractor.preparation
            seen = normalize(preprocess(read_image(world.images / file), preparation), preparation)
            rows.append(
                np.mean([extraction.extractor.network(view[None])[0].numpy() for view in seen], axis=0)
            )
    return np.array(rows)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 1},
        {"batch_size": 64},
        pytest.param({"workers": 2}, marks=pytest.mark.acceptance),
        {"crops": "ten"},
    ],
)
def test_features_are_those_of_the_plain_loop(small, world, tmp_path, settings):
    partial, failures = run(small(**settings), world, tmp_path / "partial")
    assert failures == {}
    assert np.allclose(
        partial.features, plainly(small(crops=settings.get("crops", "centre")), world), rtol=1e-5, atol=1e-6
    )


@pytest.mark.acceptance
def test_workers_change_no_bit_and_every_row_is_counted(small, world, tmp_path):
    told = []
    alone, _ = run(small(), world, tmp_path / "alone", told.append)
    helped, _ = run(small(workers=2), world, tmp_path / "helped")
    assert np.array_equal(alone.features, helped.features)
    assert sum(told) == len(world.labels)


class InterruptedHereError(Exception):
    pass


def test_an_interrupted_extraction_continues_to_the_same_bits(small, world, tmp_path):
    whole, _ = run(small(), world, tmp_path / "whole")

    def stop(rows):
        if rows and next(left) == 0:
            raise InterruptedHereError

    left = iter((2, 1, 0))
    with pytest.raises(InterruptedHereError):
        run(small(), world, tmp_path / "partial", stop)
    later = small()
    partial, _ = run(later, world, tmp_path / "partial")
    assert later.extractor.network.seen - 1 == len(world.labels) - 3 * 6
    assert np.array_equal(partial.features, whole.features)


@pytest.mark.acceptance
def test_after_five_kills_it_ends_with_the_same_bits(small, world, tmp_path):
    whole, _ = run(small(batch_size=2), world, tmp_path / "whole")
    folder, draws = tmp_path / "partial", random.Random(0)
    context = multiprocessing.get_context("fork")

    def slowly():
        run(small(batch_size=2), world, folder, lambda rows: time.sleep(0.01))

    for _ in range(5):
        child = context.Process(target=slowly)
        child.start()
        time.sleep(draws.uniform(0, 0.15))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
    partial, _ = run(small(batch_size=2), world, folder)
    assert np.array_equal(partial.features, whole.features)


@pytest.mark.parametrize("other", [{"batch_size": 5}, {"sha256": "1" * 64}, {"crops": "whole"}])
def test_features_of_another_extraction_are_not_used(small, world, tmp_path, other):
    first = small()
    run(first, world, tmp_path / "partial")
    second = small(**other)
    run(second, world, tmp_path / "partial")
    assert second.extractor.network.seen - 1 == len(world.labels)


def test_only_batches_with_changed_images_are_computed_again(small, world, tmp_path):
    run(small(), world, tmp_path / "partial")
    files, told = list_flowers(world.folder, world.images).files, []
    for row, mode in ((7, "RGB"), (39, "L")):
        Image.new(mode, (30, 40)).save(world.images / files[row])
    later = small()
    partial, _ = run(later, world, tmp_path / "partial", note=told.append)
    assert later.extractor.network.seen - 1 == 6 + 4
    assert told == [
        "2 of 7 stored batches are computed again: their images have changed, or were in another folder",
        "continues: 30 of 40 images were computed before",
    ]
    whole, _ = run(small(), world, tmp_path / "whole")
    assert np.array_equal(partial.features, whole.features)
    again = small()
    run(again, world, tmp_path / "partial", note=told.append)
    assert again.extractor.network.seen == 1
    assert told[2:] == ["continues: 40 of 40 images were computed before"]


def test_features_of_the_images_of_two_folders_are_not_mixed(small, world, tmp_path):
    def stop(rows):
        if rows:
            raise InterruptedHereError

    images, other, told = list_flowers(world.folder, world.images), tmp_path / "other", []
    shutil.copytree(world.images, other)  # with the times of the last change
    with pytest.raises(InterruptedHereError):
        run(small(), world, tmp_path / "partial", stop)
    later = small()
    compute_features(later, images, other, tmp_path / "partial", note=told.append)
    assert later.extractor.network.seen - 1 == len(images.files) and len(told) == 1


def test_unreadable_images_are_named_and_only_their_batches_are_repeated(small, world, tmp_path):
    files = list_flowers(world.folder, world.images).files
    good = (world.images / files[7]).read_bytes()
    (world.images / files[7]).write_bytes(good[:200])
    (world.images / files[20]).unlink()
    _, failures = run(small(), world, tmp_path / "partial")
    assert sorted(failures) == [7, 20] and files[7] in failures[7] and files[20] in failures[20]
    for row in (7, 20):
        (world.images / files[row]).write_bytes(good)
    later = small()
    _, failures = run(later, world, tmp_path / "partial")
    assert failures == {} and later.extractor.network.seen - 1 == 2 * 6


OUTPUTS = {
    "a tuple": lambda output: (output,),
    "a list": lambda output: output.tolist(),
    "no width": lambda output: output[:, :0],
    "too few rows": lambda output: output[:-1],
    "one axis": lambda output: output[:, 0],
    "complex": lambda output: output.to(torch.complex64),
    "whole numbers": lambda output: output.long(),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_an_output_that_is_not_a_row_per_image_is_refused(small, kind):
    extraction = small()
    extraction.extractor.network.register_forward_hook(lambda net, given, output: OUTPUTS[kind](output))
    with pytest.raises(ExtractionError, match="not to a row per image"):
        extraction.features(torch.zeros(2, 1, 3, 16, 16, dtype=torch.uint8))


def test_nan_features_are_refused(small, world, tmp_path):
    extraction = small()
    with torch.no_grad():
        extraction.extractor.network.convolution.weight.fill_(float("nan"))
    with pytest.raises(ExtractionError, match="NaN"):
        run(extraction, world, tmp_path / "partial")


def test_provenance_names_extractor_and_weights(small):
    told = small().provenance()
    assert told["extractor"] == "small" and len(str(told["weights_sha256"])) == 64
    assert told != replace(small(), batch_size=7).provenance()


def test_a_preparation_of_another_type_is_refused_where_the_extractor_is_made():
    with pytest.raises(PluginError, match="the preparation 224 is not a Preparation"):
        Extractor(torch.nn.Identity(), Weights("none", "0" * 64), 224)
