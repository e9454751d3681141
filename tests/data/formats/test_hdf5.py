from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from gzslbench.data.dataset import content_fingerprint
from gzslbench.data.formats import hdf5, hdf5_writer
from gzslbench.data.formats.apart import read_apart
from gzslbench.data.formats.hdf5 import open_hdf5, stored_sources
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError
from gzslbench.prepare.importing import import_dataset


def same(one, other):
    for name, value in vars(one).items():
        if name == "validation":
            same(value, other.validation)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(other, name))
        elif name == "split":
            assert value.fingerprint == other.split.fingerprint
        else:
            assert value == getattr(other, name), name


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-30, 1.0, 1e30]))
def test_mat_to_hdf5_and_back_changes_nothing(make_arrays, make_folder, seed, scale):
    features, splits = make_arrays(seed)
    features["features"] *= scale
    with tempfile.TemporaryDirectory() as name:
        folder = make_folder(Path(name, "TINY"), features, splits)
        from_mat = {
            semantics: load_dataset(folder, semantics=semantics) for semantics in ("att", "original_att")
        }
        stored = import_dataset(folder)
        for semantics, expected in from_mat.items():
            same(expected, open_hdf5(stored, semantics))
            same(expected, load_dataset(folder, semantics=semantics))


@pytest.fixture
def stored(folder):
    return import_dataset(folder)


def test_features_are_mapped_not_read(stored):
    features = open_hdf5(stored).features
    assert isinstance(features, np.memmap)
    assert not features.flags.writeable


def test_the_content_hash_is_trusted_when_opening(stored):
    with h5py.File(stored, "r+") as file:
        file["semantics/att"].attrs["content"] = "0" * 64
    assert open_hdf5(stored).content == "0" * 64


def test_the_stored_content_hash_is_that_of_what_is_stored(stored):
    dataset = open_hdf5(stored)
    assert dataset.content == content_fingerprint(dataset.features, dataset.labels, dataset.semantics)


def test_every_semantics_and_source_of_the_folder_is_kept(stored, folder):
    with h5py.File(stored) as file:
        assert sorted(file["semantics"]) == ["att", "original_att"]
    sources = stored_sources(stored)
    assert set(sources) == {"res101.mat", "att_splits.mat"}
    assert sources["res101.mat"].size == (folder / "res101.mat").stat().st_size


def test_unknown_semantics_are_answered_with_those_there(stored):
    with pytest.raises(DataError, match="original_att"):
        open_hdf5(stored, "sent")


def test_image_files_beyond_ascii_survive(tmp_path, arrays, make_folder):
    features, splits = arrays
    features["image_files"][0] = "blüte/α.jpg"
    dataset = open_hdf5(import_dataset(make_folder(tmp_path / "TINY", features, splits)))
    assert dataset.image_files[0] == "blüte/α.jpg"


@pytest.mark.parametrize("damage", ["empty", "text", "half", "foreign", "newer", "no labels", "no split"])
def test_a_damaged_or_foreign_file_is_refused_by_name(stored, damage):
    whole = stored.read_bytes()
    if damage in ("empty", "text", "half"):
        stored.write_bytes({"empty": b"", "text": b"no HDF5", "half": whole[: len(whole) // 2]}[damage])
    else:
        with h5py.File(stored, "r+") as file:
            if damage == "foreign":
                del file.attrs["layout"]
            elif damage == "newer":
                file.attrs["version"] = 2
            else:
                del file["labels" if damage == "no labels" else "semantics/att/test_seen"]
    with pytest.raises(DataError) as caught:
        open_hdf5(stored)
    assert str(stored) in caught.value.where
    assert "data import" in caught.value.fix


def test_contradictions_inside_are_refused(stored):
    with h5py.File(stored, "r+") as file:
        file["labels"][0] = 99
    with pytest.raises(DataError, match="labels run from 1 to 100"):
        open_hdf5(stored)


def test_a_failed_import_leaves_the_old_file_and_nothing_half_written(folder, stored, monkeypatch):
    before = stored.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gzslbench.data.formats.hdf5_writer._write_semantics", full)
    with pytest.raises(DataError, match="No space left on device"):
        import_dataset(folder)
    assert stored.read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["att_splits.mat", "res101.h5", "res101.mat"]


@pytest.mark.acceptance
def test_a_disk_that_fills_up_is_one_error_and_leaves_nothing(folder):
    code = (
        "import resource, signal, sys; from gzslbench.prepare.importing import import_dataset;"
        "from gzslbench.errors import DataError;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try: import_dataset(sys.argv[1])\n"
        "except DataError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert "res101.h5" in done.stdout
    assert "takes files of this size" in done.stdout
    assert done.stderr == ""
    assert sorted(path.name for path in folder.iterdir()) == ["att_splits.mat", "res101.mat"]


@pytest.mark.acceptance
def test_a_process_of_its_own_reads_a_file_once_until_it_changes(folder, stored, monkeypatch):
    read: list[Path] = []

    def counted(path, function, seconds=None):
        read.append(path)
        return read_apart(path, function, seconds)

    monkeypatch.setattr(hdf5, "read_apart", counted)
    monkeypatch.setattr(hdf5, "_harmless", set())
    first = load_dataset(folder)
    same(first, load_dataset(folder))
    assert read == [stored]
    with h5py.File(stored, "r+") as file:
        file["semantics/att/values"][0, 0] += 1
    assert load_dataset(folder).semantics[0, 0] == first.semantics[0, 0] + 1
    assert read == [stored, stored]


@pytest.mark.acceptance
def test_a_damaged_file_is_read_apart_every_time(stored, monkeypatch):
    with h5py.File(stored, "r+") as file:
        del file["semantics/att/test_seen"]
    read: list[Path] = []
    monkeypatch.setattr(hdf5, "_harmless", set())
    monkeypatch.setattr(hdf5, "read_apart", lambda path, function, _: (read.append(path), function())[1])
    for _ in range(2):
        with pytest.raises(DataError, match="damaged"):
            stored_sources(stored)
    assert len(read) == 2


@pytest.mark.parametrize("name", ["..", " ", ".hidden", "a\nb", "x" * 250])
@pytest.mark.parametrize("of", ["name", "features_name", "semantics"])
def test_a_name_that_cannot_be_a_part_of_a_path_is_refused(stored, name, of):
    with h5py.File(stored, "r+") as file:
        if of == "semantics":
            if name == "..":
                pytest.skip("HDF5 has no group of this name")
            file["semantics"].move("att", name)
        else:
            file.attrs[of] = name
    with pytest.raises(DataError):
        open_hdf5(stored, name if of == "semantics" else None)


@pytest.mark.parametrize("parent", ["nowhere", "a file"])
def test_a_target_folder_that_is_none_is_an_error_with_a_remedy(folder, tmp_path, parent):
    (tmp_path / "a file").touch()
    with pytest.raises(DataError, match="cannot be written") as caught:
        import_dataset(folder, out=tmp_path / parent / "x.h5")
    assert "--out" in caught.value.fix


def test_a_bad_folder_imports_nothing(tmp_path, arrays, make_folder):
    arrays[1]["original_att"][:, 0] = 0
    folder = make_folder(tmp_path / "TINY", *arrays)
    with pytest.raises(DataError, match="all zero"):
        import_dataset(folder)
    assert not (folder / "res101.h5").exists()


@pytest.mark.acceptance
def test_the_imported_real_flowers_are_a_memory_map_of_the_same_content(real_data, tmp_path):
    folder = tmp_path / "FLO"
    folder.mkdir()
    for name in ("efficientnet_lite0.mat", "att_splits.mat"):
        (folder / name).symlink_to(real_data / "FLO" / name)
    content = load_dataset(folder, "efficientnet_lite0").content
    import_dataset(folder, "efficientnet_lite0")
    dataset = load_dataset(folder, "efficientnet_lite0")
    assert isinstance(dataset.features, np.memmap) and dataset.content == content


@pytest.mark.parametrize("content", [b"a thesis", b""])
@pytest.mark.parametrize("out", ["res101.h5", "thesis.h5"])
def test_a_foreign_file_is_never_lost(folder, content, out):
    theirs = folder / out
    theirs.write_bytes(content)
    with pytest.raises(DataError, match="move it away") as caught:
        import_dataset(folder, "res101", out=None if out == "res101.h5" else theirs)
    assert caught.value.where == str(theirs)
    assert theirs.read_bytes() == content


def test_a_foreign_hdf5_file_and_a_folder_are_never_lost(folder, tmp_path):
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file["weights"] = [1.0]
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "link.h5").symlink_to("nowhere")
    before = (tmp_path / "theirs.h5").read_bytes()
    for name in ("theirs.h5", "folder.h5", "link.h5"):
        with pytest.raises(DataError, match="move it away"):
            import_dataset(folder, out=tmp_path / name)
    assert (tmp_path / "theirs.h5").read_bytes() == before
    assert (tmp_path / "link.h5").is_symlink()


@pytest.mark.parametrize("name", ["res101.mat", "x.hdf5", "x", "x.H5"])
def test_a_target_that_is_no_h5_file_is_refused(folder, name):
    before = (folder / "res101.mat").read_bytes()
    with pytest.raises(DataError, match=r"ends in \.h5"):
        import_dataset(folder, out=folder / name)
    assert (folder / "res101.mat").read_bytes() == before
    assert not (folder / "x").exists()


def test_a_file_of_ours_is_replaced(folder, stored, arrays):
    arrays[0]["features"][0, 0] = 42
    savemat(folder / "res101.mat", arrays[0])
    assert open_hdf5(import_dataset(folder)).features[0, 0] == 42


def test_no_text_is_in_the_heap_of_hdf5_which_it_reads_without_end_if_it_is_damaged(folder, tmp_path):
    path = import_dataset(folder, out=tmp_path / "x.h5")
    assert b"GCOL" not in path.read_bytes()


@pytest.mark.parametrize("name", ["../../elsewhere/x", "a/b", "a\\b", "", "x" * 101, "a\nb"])
def test_a_name_that_would_leave_the_results_folder_is_refused(folder, tmp_path, name):
    path = import_dataset(folder, out=tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["name"] = name
    with pytest.raises(DataError, match="not a name for a dataset"):
        load_dataset(path)


def zeros(file, name, array, dtype):
    file[name] = np.zeros(array.shape, dtype)  # as a failing disk leaves it


def crash(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("part", "failing", "words"),
    [
        ("_write_blocks", zeros, "what was written differs from the dataset"),
        ("_write_semantics", crash, "the process for it ended with -9"),
    ],
)
def test_what_a_failing_disk_leaves_gets_no_name(
    tmp_path, arrays, make_folder, monkeypatch, part, failing, words
):
    folder = make_folder(tmp_path / "TINY", *arrays)
    monkeypatch.setattr(hdf5_writer, part, failing)
    with pytest.raises(DataError, match=words):
        import_dataset(folder, out=tmp_path / "tiny.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["TINY"]
    monkeypatch.undo()
    first = import_dataset(folder, out=tmp_path / "tiny.h5").read_bytes()
    monkeypatch.setattr(hdf5_writer, part, failing)
    with pytest.raises(DataError, match=words):
        hdf5_writer.write_hdf5(tmp_path / "tiny.h5", [replace(load_dataset(folder), name="other")], [])
    assert (tmp_path / "tiny.h5").read_bytes() == first


def items_of(path):
    """All arrays of a file, and all its attributes, as (object, attribute or None)."""
    found = []

    def add(name, item):
        found.extend((name, key) for key in item.attrs)
        if isinstance(item, h5py.Dataset):
            found.append((name, None))

    with h5py.File(path) as file:
        add("/", file)
        file.visititems(add)
    return found


def spoil(path, name, attribute):
    with h5py.File(path, "r+") as file:
        item = file[name]
        if attribute is None:
            item[...] = np.zeros_like(item[()])
        else:
            old = item.attrs[attribute]
            item.attrs[attribute] = old - 1 if isinstance(old, np.integer) else b"0" * max(len(old), 1)


def test_every_part_that_a_disk_did_not_take_is_noticed(tmp_path, arrays, make_folder, monkeypatch):
    features, splits = arrays
    lists = {"train_loc": splits["trainval_loc"][:4], "val_loc": splits["trainval_loc"][4:]}
    folder = make_folder(tmp_path / "TINY", features, {**splits, **lists})
    made = load_dataset(folder)
    target, extraction = tmp_path / "tiny.h5", {"extractor": "x", "layer": ("a", "b")}
    made = replace(made, provenance={"encoder": ("a", 1)}, notes=("one", "two"))
    made = replace(made, regions=np.ones((len(made.labels), 4, 3), np.float16))
    sources = [hdf5.Source.of(folder / "res101.mat")]
    hdf5_writer.write_hdf5(target, [made], sources, extraction)
    whole, items = target.read_bytes(), items_of(target)
    assert {"features", "regions", "semantics/att/train_rows", "semantics/att/provenance"} <= {
        name for name, _ in items
    }
    for name, attribute in items:

        def fail(scratch, write, name=name, attribute=attribute):
            read_apart(scratch, write)
            spoil(scratch, name, attribute)

        monkeypatch.setattr(hdf5_writer, "read_apart", fail)
        with pytest.raises(DataError, match=r"was not written|differs from the dataset"):
            hdf5_writer.write_hdf5(target, [made], sources, extraction)
        assert target.read_bytes() == whole, (name, attribute)
