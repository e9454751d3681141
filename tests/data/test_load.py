from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.data.catalogue import catalogue
from gzslbench.data.load import feature_files, find, load_dataset
from gzslbench.data.synthetic.digits import load_digits
from gzslbench.errors import DataError, PluginError
from gzslbench.plugins import registry
from gzslbench.plugins.dataset import DatasetSpec, Expected
from gzslbench.prepare.importing import import_dataset


@pytest.fixture
def root(tmp_path, arrays, make_folder):
    """A data root whose FLO holds our tiny arrays."""
    make_folder(tmp_path / "root" / "FLO", *arrays)
    return tmp_path / "root"


def test_a_known_name_is_found_in_any_case(root):
    assert load_dataset("flo", root=root).name == "FLO"


def test_the_root_comes_from_the_environment_then_from_the_working_folder(root, monkeypatch):
    monkeypatch.setenv("GZSLBENCH_DATA", str(root))
    assert load_dataset("FLO").name == "FLO"
    monkeypatch.delenv("GZSLBENCH_DATA")
    monkeypatch.chdir(root.parent)
    root.rename(root.parent / "data")
    assert load_dataset("FLO").name == "FLO"


@pytest.mark.parametrize("above", ["data", "xlsa17/data", "cvpr18xian/data"])
def test_an_unpacked_archive_is_found(root, above):
    (root / above).mkdir(parents=True)
    (root / "FLO").rename(root / above / "FLO")
    assert load_dataset("FLO", root=root).name == "FLO"


def test_a_folder_is_called_by_its_name(folder):
    dataset = load_dataset(folder)
    assert dataset.task_id.startswith("TINY/res101/att/ps-")


def test_a_folder_called_like_a_known_dataset_in_another_case_is_that_dataset(root, tmp_path):
    expected = load_dataset("FLO", root=root)
    (root / "FLO").rename(root / "flo")
    dataset = load_dataset(root / "flo")
    assert dataset.task_id == expected.task_id
    assert "images: 30, but the published files have 8189" in dataset.notes
    assert find(root / "flo").spec is catalogue()["FLO"]


def test_an_hdf5_file_of_a_known_dataset_in_another_case_is_that_dataset(root, tmp_path):
    stored = import_dataset(root / "FLO", out=tmp_path / "x.h5")
    with h5py.File(stored, "r+") as file:
        file.attrs["name"] = "flo"
    dataset = load_dataset(stored)
    assert dataset.name == "FLO"
    assert "images: 30, but the published files have 8189" in dataset.notes


def test_a_name_unknown_to_the_catalogue_is_searched_below_the_root_first(root, tmp_path, monkeypatch):
    (root / "data").mkdir()
    (root / "FLO").rename(root / "data" / "MINE")
    assert load_dataset("MINE", root=root).task_id.startswith("MINE/res101/att/ps-")
    (tmp_path / "MINE").mkdir()  # it is empty
    monkeypatch.chdir(tmp_path)
    assert find("MINE", root).path == root / "data" / "MINE"
    assert find("./MINE", root).path.resolve() == tmp_path / "MINE"
    assert find("..", root).path.resolve() == tmp_path.parent


def test_an_unknown_name_says_where_it_was_searched(root):
    with pytest.raises(DataError, match="neither a known name nor a folder") as caught:
        load_dataset("MINE", root=root)
    assert str(root) in caught.value.where


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_refused_with_the_known_names(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match="empty") as caught:
        load_dataset(name)
    assert "AWA2" in caught.value.fix


def test_a_misspelled_name_is_answered_with_the_nearest():
    with pytest.raises(DataError, match="did you mean 'AWA2'"):
        load_dataset("AWA-2")


def test_folders_with_a_split_are_among_the_names_that_are_proposed(tmp_path, monkeypatch):
    for folder in ("data/birds", "sounds", "notes"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("data/birds", "sounds"):
        (tmp_path / folder / "att_splits.mat").touch()
    monkeypatch.chdir(tmp_path)
    for name, near in (("brids", "birds"), ("sound", "sounds")):
        with pytest.raises(DataError, match=f"did you mean '{near}'") as error:
            load_dataset(name, root=tmp_path / "data")
        assert "notes" not in error.value.fix


def test_the_error_for_a_missing_known_dataset_says_where_to_get_it(tmp_path):
    with pytest.raises(DataError) as caught:
        load_dataset("AWA2", root=tmp_path)
    assert "mpi-inf.mpg.de" in caught.value.fix
    assert str(tmp_path / "AWA2") in caught.value.fix
    assert "GZSLBENCH_DATA" in caught.value.fix
    assert caught.value.where == (
        f"{tmp_path / 'AWA2'}, or the same under data, xlsa17/data, cvpr18xian/data"
    )


def test_a_missing_feature_file_lists_those_there(root):
    (root / "FLO" / "res101.mat").rename(root / "FLO" / "vit.mat")
    with pytest.raises(DataError) as caught:
        load_dataset("FLO", root=root)
    assert caught.value.where.endswith("res101.mat")
    assert "with --features: vit" in caught.value.fix


def test_the_only_feature_file_of_an_unknown_folder_is_the_default(folder):
    (folder / "res101.mat").rename(folder / "vit.mat")
    assert load_dataset(folder).features_name == "vit"


def test_a_missing_splits_file_is_named_with_those_there(folder):
    with pytest.raises(DataError, match="original_att") as caught:
        load_dataset(folder, semantics="sent")
    assert caught.value.where.endswith("sent_splits.mat")


def test_an_hdf5_file_is_a_dataset_by_its_path(folder, tmp_path):
    written = import_dataset(folder, out=tmp_path / "elsewhere.h5")
    assert load_dataset(written).task_id == load_dataset(folder).task_id
    with pytest.raises(DataError, match="the file has the features 'res101'"):
        load_dataset(written, features="vit")


def test_hdf5_next_to_the_mat_is_preferred_if_it_is_up_to_date(folder):
    assert not isinstance(load_dataset(folder).features, np.memmap)
    import_dataset(folder)
    assert isinstance(load_dataset(folder).features, np.memmap)


def test_hdf5_still_fits_when_its_sources_are_copied_or_gone(folder):
    import_dataset(folder)
    os.utime(folder / "res101.mat", (1, 1))
    assert isinstance(load_dataset(folder).features, np.memmap)
    (folder / "res101.mat").unlink()
    (folder / "att_splits.mat").unlink()
    assert isinstance(load_dataset(folder).features, np.memmap)
    assert feature_files(folder) == ["res101"]


def test_hdf5_older_than_its_source_is_passed_over_with_a_note(folder, arrays):
    import_dataset(folder)
    arrays[0]["features"][0, 0] = 42
    savemat(folder / "res101.mat", arrays[0])
    dataset = load_dataset(folder)
    assert dataset.features[0, 0] == 42
    assert any("res101.h5 was ignored: res101.mat changed since" in note for note in dataset.notes)


def test_semantics_added_after_the_import_are_found(folder, arrays):
    import_dataset(folder)
    savemat(folder / "sent_splits.mat", arrays[1])
    assert load_dataset(folder, semantics="sent").semantics_name == "sent"


def test_another_hdf5_file_next_to_the_mat_is_ignored_with_a_note(folder):
    (folder / "res101.h5").write_bytes(b"something else")
    dataset = load_dataset(folder)
    assert any("res101.h5 was ignored: not an HDF5 file" in note for note in dataset.notes)


def test_what_differs_from_the_published_files_is_a_note(root):
    notes = load_dataset("FLO", root=root).notes
    assert "images: 30, but the published files have 8189" in notes
    assert any(note.startswith("split fingerprint: ") for note in notes)


def as_published(dataset) -> DatasetSpec:
    """A spec whose published files are those of ``dataset``."""
    counts, split = dataset.split.counts, {"this": dataset.split.fingerprint}
    dimensions = {"res101": dataset.features.shape[1]}, {"att": dataset.semantics.shape[1]}
    classes = len(dataset.seen_classes), len(dataset.unseen_classes)
    return DatasetSpec(
        "FLO", "", expected=Expected(*dimensions, len(dataset.labels), *classes, counts, split)
    )


def test_only_features_that_agree_with_the_published_ones_are_taken_for_imagenets(root, monkeypatch):
    other = load_dataset("FLO", root=root)
    assert other.pretraining == "unknown"
    monkeypatch.setattr("gzslbench.data.load.known_as", lambda name: as_published(other))
    assert load_dataset("FLO", root=root).pretraining == "imagenet-1k"
    import_dataset(root / "FLO")
    assert load_dataset(root / "FLO" / "res101.h5").pretraining == "imagenet-1k"
    (root / "FLO" / "res101.mat").rename(root / "FLO" / "finetuned.mat")
    assert load_dataset("FLO", "finetuned", root=root).pretraining == "unknown"


def test_built_in_features_come_from_no_network():
    assert load_dataset("digits").pretraining == load_dataset("synthetic").pretraining == "none"


def offer(monkeypatch, function):
    """Register a plugin dataset ``theirs`` that ``function`` loads."""
    monkeypatch.setattr("gzslbench.data.synthetic.digits.theirs", function, raising=False)
    spec = DatasetSpec("theirs", "Theirs", load="gzslbench.data.synthetic.digits:theirs")
    monkeypatch.setattr(registry, "plugins", lambda: SimpleNamespace(datasets=lambda: {"theirs": spec}))


def test_a_plugin_dataset_is_loaded_by_its_function(monkeypatch):
    offer(monkeypatch, lambda: replace(load_digits(), name="theirs"))
    assert load_dataset("Theirs").task_id.startswith("theirs/pixels/strokes/")


def test_a_plugin_dataset_is_checked_like_a_file(monkeypatch):
    digits = load_digits()
    labels = digits.labels.copy()
    labels[digits.split.test_unseen[0]] = digits.labels[digits.split.trainval[0]]
    offer(monkeypatch, lambda: replace(digits, labels=labels))
    with pytest.raises(DataError, match="both seen and unseen"):
        load_dataset("theirs")


def test_features_that_a_built_in_dataset_lacks_are_refused():
    with pytest.raises(DataError, match="--features pixels"):
        load_dataset("digits", features="res101")


@pytest.mark.parametrize("loaded", ["a string", None])
def test_a_plugin_that_returns_no_dataset_is_named(monkeypatch, loaded):
    offer(monkeypatch, lambda: loaded)
    with pytest.raises(PluginError, match="return a Dataset"):
        load_dataset("theirs")


def test_label_sorted_rows_of_the_real_flowers_are_refused(real_data, tmp_path):
    dataset = load_dataset("FLO", "efficientnet_lite0", root=real_data)
    assert dataset.notes[:1] == ("train_loc contains 1173 rows of test_seen and 0 of test_unseen",)
    order = np.argsort(dataset.labels, kind="stable")
    sorted_rows = {"features": dataset.features[order, :8].T, "labels": dataset.labels[order, None] + 1}
    savemat(tmp_path / "sorted.mat", sorted_rows)
    shutil.copyfile(real_data / "FLO" / "att_splits.mat", tmp_path / "att_splits.mat")
    with pytest.raises(DataError, match="another row order"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "words", "fix"),
    [
        ("res101.mat", "a MATLAB file is only a part of a dataset", "--features res101"),
        ("x.npz", "an array is only a part of a dataset", "data build"),
        ("x.csv", "an array is only a part of a dataset", "data build"),
    ],
)
def test_a_file_that_is_a_part_of_a_dataset_is_not_called_damaged(folder, name, words, fix):
    (folder / "x.npz").write_bytes(b"")
    (folder / "x.csv").write_text("")
    with pytest.raises(DataError, match=words) as caught:
        load_dataset(folder / name)
    assert fix in caught.value.fix


def test_classes_of_the_same_semantics_are_named(tmp_path, arrays, make_folder):
    features, splits = arrays
    att = splits["att"].copy()
    att[:, 1] = att[:, 0]
    dataset = load_dataset(make_folder(tmp_path / "TINY", features, {**splits, "att": att}))
    first, second = dataset.class_names[:2]
    assert f"the same semantics have: {second} and {first}" in dataset.notes


def test_a_folder_of_images_is_not_asked_for_a_feature_file(tmp_path):
    (tmp_path / "photos" / "zebra").mkdir(parents=True)
    with pytest.raises(DataError, match="neither features nor a split") as caught:
        load_dataset(tmp_path / "photos")
    assert "data build" in caught.value.fix


@pytest.mark.parametrize("imported", [False, True])
def test_unit_behind_a_name_scales_the_semantics_to_length_1(folder, imported):
    if imported:
        import_dataset(folder)
    plain, unit = load_dataset(folder), load_dataset(folder, semantics="att-unit")
    assert unit.semantics_name == "att-unit"
    np.testing.assert_allclose(np.linalg.norm(unit.semantics, axis=1), 1, rtol=1e-6)
    assert unit.content != plain.content
    assert unit.split.fingerprint == plain.split.fingerprint


@pytest.mark.parametrize("imported", [False, True])
def test_stored_semantics_whose_name_ends_in_unit_are_read_as_they_are(folder, imported):
    content = loadmat(folder / "att_splits.mat")
    values = 3 * content["att"]
    parts = {name: value for name, value in content.items() if not name.startswith("__")}
    savemat(folder / "att-unit_splits.mat", {**parts, "att": values})
    place = import_dataset(folder) if imported else folder
    found = load_dataset(place, semantics="att-unit")
    np.testing.assert_allclose(found.semantics, values.T, rtol=1e-6)
    assert found.semantics_name == "att-unit"


def test_unit_twice_is_an_error_that_names_unit_once(folder):
    with pytest.raises(DataError, match="there are no semantics att-unit-unit") as caught:
        load_dataset(folder, semantics="att-unit-unit")
    assert "--semantics att-unit:" in caught.value.fix


def test_unit_of_unknown_semantics_is_an_error_that_names_the_known_ones(folder):
    with pytest.raises(DataError, match=r"(?s)no semantics 'looks'.*known: att"):
        load_dataset(folder, semantics="looks-unit")


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: sys.exit(0), "SystemExit: 0"),
        (lambda: replace(load_digits(), split=None), "'trainval'"),
        (lambda: replace(load_digits(), features=None), "NoneType"),
        (lambda: replace(load_digits(), content=5), "its content is 5"),
        (lambda: replace(load_digits(), content="0" * 64), "its content is '0000000000000000000"),
        (lambda: replace(load_digits(), features=load_digits().features * 2), "and that of its arrays"),
    ],
)
def test_a_plugin_whose_dataset_cannot_be_loaded_is_named(monkeypatch, load, words):
    offer(monkeypatch, load)
    with pytest.raises(PluginError, match=r"^dataset 'theirs' cannot be loaded: |^its content is ") as caught:
        load_dataset("theirs")
    assert words in caught.value.what and caught.value.where.endswith(":theirs")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("attributes", 3, "its attributes are 3"),
        ("extraction", 3, "its extraction are 3"),
        ("validation", 3, "its validation are 3"),
        ("notes", "abc", "its notes are 'abc'"),
        ("described_classes", ("a",), "1 described classes, but "),
    ],
)
def test_a_field_of_another_type_is_named(monkeypatch, field, value, words):
    offer(monkeypatch, lambda: replace(load_digits(), **{field: value}))
    with pytest.raises(DataError, match=words) as caught:
        load_dataset("theirs")
    assert caught.value.where.endswith(":theirs")
