from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.formats.xlsa17 import read_folder
from gzslbench.data.load import load_dataset
from gzslbench.data.validation import validation_dataset
from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.plan import Request, make_plan


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small folder like CUB."""
    top = tmp_path_factory.mktemp("made")
    return write_synthetic_folder("CUB", top / "CUB", scale=0.05)


def read(folder, semantics="att"):
    return read_folder(folder, folder.name, "res101", [semantics])[0]


def content(folder):
    """Everything in a folder but the time that scipy writes into the header of a .mat file."""
    return {
        path.name: path.read_bytes()[128 * (path.suffix == ".mat") :] for path in sorted(folder.iterdir())
    }


@pytest.mark.parametrize("semantics", ["att", "sent"])
def test_a_made_folder_is_read_with_the_classes_and_dimensions_of_the_dataset(made, semantics):
    dataset = read(made, semantics)
    assert len(dataset.seen_classes) == 150
    assert len(dataset.unseen_classes) == 50
    assert dataset.features.shape[1] == 2048
    assert dataset.semantics.shape == (200, {"att": 312, "sent": 1024}[semantics])
    np.testing.assert_allclose(np.linalg.norm(dataset.semantics, axis=1), 1, rtol=1e-5)


def test_every_seen_class_has_two_training_rows_and_one_of_test_seen(made):
    dataset = read(made)
    _, counts = np.unique(dataset.labels[dataset.split.trainval], return_counts=True)
    assert counts.min() >= 2
    np.testing.assert_array_equal(np.unique(dataset.labels[dataset.split.test_seen]), dataset.seen_classes)


def test_class_lists_agree_with_the_split(made):
    dataset = read(made)
    names = np.array(dataset.class_names)
    assert sorted((made / "testclasses.txt").read_text().split()) == sorted(names[dataset.unseen_classes])
    assert sorted((made / "trainvalclasses.txt").read_text().split()) == sorted(names[dataset.seen_classes])
    listed = (made / "valclasses1.txt").read_text().split()
    assert sorted(listed) == sorted(names[validation_dataset(dataset).unseen_classes])


def test_the_same_seed_writes_the_same_bytes_and_another_seed_other_ones(tmp_path, made):
    again = write_synthetic_folder("CUB", tmp_path / "again", scale=0.05)
    assert content(again) == content(made)
    other = write_synthetic_folder("CUB", tmp_path / "other", seed=1, scale=0.05)
    assert content(other)["res101.mat"] != content(made)["res101.mat"]


def test_a_record_on_it_says_that_the_features_are_synthetic(made):
    assert (
        "synthetic data: features and image names are random numbers and texts, like CUB, seed 0, scale 0.05."
        in read(made).notes
    )


def test_image_files_name_the_class_of_their_row(made):
    dataset = read(made)
    for row in (0, 100, len(dataset.labels) - 1):
        top, name, _ = dataset.image_files[row].split("/")
        assert (top, name) == ("synthetic", dataset.class_names[dataset.labels[row]])


def test_a_folder_with_files_is_refused(tmp_path, made):
    before = content(made)
    with pytest.raises(DataError, match="a folder with files"):
        write_synthetic_folder("APY", made, scale=0.01)
    assert content(made) == before


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scipy.io.savemat", full)
    with pytest.raises(DataError, match="No space left"):
        write_synthetic_folder("APY", tmp_path / "APY", scale=0.01)
    assert list(tmp_path.iterdir()) == []


def test_too_little_space_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(1 << 40, 1 << 40, 10 << 20))
    with pytest.raises(DataError, match=r"10\.0 MiB are free"):
        write_synthetic_folder("APY", tmp_path / "APY")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"like": "AWA3"}, DataError, "did you mean 'AWA"),
        ({"scale": 0.0}, ParamError, "above 0"),
        ({"scale": 1.5}, ParamError, "at most 1"),
        ({"scale": float("nan")}, ParamError, "above 0"),
        ({"out": Path(__file__) / "APY"}, DataError, "cannot be written"),
        ({"out": Path(__file__)}, DataError, "this is a file or"),
    ],
)
def test_wrong_arguments_are_refused_with_what_to_do(tmp_path, wrong, error, message):
    with pytest.raises(error, match=message):
        write_synthetic_folder(**({"like": "APY", "out": tmp_path / "APY", "scale": 0.01} | wrong))


def test_missing_folders_above_are_made(tmp_path):
    folder = write_synthetic_folder("APY", tmp_path / "trial" / "data" / "APY", scale=0.01)
    assert (folder / "res101.mat").is_file()


def test_without_regions_no_file_of_them_is_written(made):
    assert not {"res101.h5", "att+words.csv", "regions"} & {path.name for path in made.iterdir()}


def test_regions_have_the_feature_as_their_mean_and_attributes_have_names_and_vectors(tmp_path, made):
    folder = write_synthetic_folder("CUB", tmp_path / "CUB", scale=0.05, regions=3)
    assert "regions" not in {path.name for path in folder.iterdir()}
    dataset = load_dataset(folder, "res101", "att+words")
    rows = len(dataset.labels)
    assert (dataset.regions.shape, dataset.regions.dtype) == ((rows, 3, 2048), np.float16)
    mean = np.asarray(dataset.regions[:50], np.float64).mean(axis=1)
    np.testing.assert_allclose(mean, dataset.features[:50], rtol=2e-3, atol=1e-5)
    assert not np.array_equal(dataset.regions[:, 0], dataset.regions[:, 1])
    assert dataset.attributes.names[0] == "attribute 1" and len(set(dataset.attributes.names)) == 312
    assert dataset.attributes.vectors.shape == (312, 300)
    # All else is as without regions.
    assert {name: content(folder)[name] for name in content(made)} == content(made)
    assert np.array_equal(dataset.features, read(made).features)
    assert dataset.task_id.partition("-")[0] == load_dataset(made).task_id.partition("-")[0].replace(
        "/att/", "/att+words/"
    )


def test_the_same_seed_draws_the_same_regions_and_vectors(tmp_path):
    one, same, other = (
        load_dataset(
            write_synthetic_folder("APY", tmp_path / str(number), seed=seed, scale=0.01, regions=2),
            "res101",
            "att+words",
        )
        for number, seed in enumerate((1, 1, 2))
    )
    assert np.array_equal(one.regions, same.regions) and not np.array_equal(one.regions, other.regions)
    assert np.array_equal(one.attributes.vectors, same.attributes.vectors)
    assert not np.array_equal(one.attributes.vectors, other.attributes.vectors)


def test_a_method_on_regions_can_be_planned_on_the_folder(tmp_path):
    folder = write_synthetic_folder("APY", tmp_path / "trial", scale=0.01, regions=4)
    plan = make_plan(Request("dazle", str(folder), semantics="att+words", device="cpu"))
    assert plan.dataset.features.shape[1:] == (4, 2048)
    assert plan.dataset.features_name == "res101:regions"
