from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.data.catalogue import LOCK
from gzslbench.data.formats import hdf5, hdf5_writer
from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.load import load_dataset, verify_dataset
from gzslbench.errors import DataError
from gzslbench.prepare.extract.extract import drop_rows
from gzslbench.prepare.importing import import_dataset
from gzslbench.prepare.text import build as writing
from gzslbench.prepare.text.build import check_target, find_basis, write_semantics
from gzslbench.runs.cell import describe_task

TOLD = {"encoder": "letters", "versions": {"torch": "2"}, "templates": ["a {}, très petit."]}


@pytest.fixture
def made() -> np.ndarray:
    return np.random.default_rng(7).normal(size=(5, 9)).astype(np.float32)


def write(dataset, semantics, name="new", told=TOLD, **settings):
    basis = find_basis(dataset, None)
    check_target(basis, name, settings.pop("overwrite", False))
    return write_semantics(basis, name, semantics, told, **settings)


def same_split(one, other) -> bool:
    parts = ("trainval", "test_seen", "test_unseen")
    return all(np.array_equal(getattr(one.split, part), getattr(other.split, part)) for part in parts)


def test_the_splits_file_is_the_other_with_its_semantics_replaced(folder, made):
    assert write(folder, made) == [folder / "new_splits.mat"]
    found, basis = loadmat(folder / "new_splits.mat"), loadmat(folder / "att_splits.mat")
    assert np.array_equal(found["att"], made.T)
    kept = set(basis) - {"att"} - {key for key in basis if key.startswith("__")}
    assert {"train_loc", "test_seen_loc", "allclasses_names"} <= kept
    for key in kept - {"allclasses_names"}:
        assert np.array_equal(found[key], basis[key]) and found[key].shape == basis[key].shape
    assert [str(cell[0]) for cell in found["allclasses_names"].ravel()] == [
        str(cell[0]) for cell in basis["allclasses_names"].ravel()
    ]
    assert json.loads(str(found["gzslbench_provenance"][0])) == TOLD


def test_what_made_the_semantics_follows_them_into_datasets_records_and_imports(folder, made):
    write(folder, made)
    read = load_dataset(folder, semantics="new")
    assert read.provenance == TOLD and np.array_equal(read.semantics, made)
    assert describe_task(read).provenance == TOLD
    assert load_dataset(folder).provenance == {} and describe_task(load_dataset(folder)).provenance is None
    imported = load_dataset(import_dataset(folder), semantics="new")
    assert imported.provenance == TOLD and imported.task_id == read.task_id


def test_an_imported_file_is_still_used_for_old_and_new_semantics(folder, made):
    stored = import_dataset(folder)
    before = load_dataset(folder)
    assert write(folder, made) == [folder / "new_splits.mat", stored]
    for semantics in ("att", "new"):
        found = load_dataset(folder, semantics=semantics)
        assert isinstance(found.features, np.memmap) and found.notes == before.notes
        assert same_split(found, before)
    stored.rename(stored.with_suffix(".away"))
    from_mat = load_dataset(folder, semantics="new")
    assert from_mat.task_id == found.task_id and from_mat.files == found.files
    _dataset, lines = verify_dataset(folder, semantics="new")
    assert all(line.agrees for line in lines)


def test_features_only_in_an_hdf5_file_can_still_be_read(folder, made):
    import_dataset(folder)
    (folder / "res101.mat").unlink()
    write(folder, made)
    assert load_dataset(folder, semantics="new").provenance == TOLD
    assert load_dataset(folder, semantics="att").semantics.shape == (5, 4)
    _dataset, lines = verify_dataset(folder, semantics="new")
    assert all(line.agrees for line in lines) and {"sha256 of new_splits.mat"} <= {
        line.what for line in lines
    }


def test_a_file_of_some_rows_keeps_its_own_split(folder, made):
    stored = import_dataset(folder)
    whole = load_dataset(folder)
    row = int(whole.split.trainval[0])
    part = drop_rows(whole, {row: "no picture"})
    write_hdf5(stored, [part], list(hdf5.stored_sources(stored).values()), extraction={"by": "us"})
    (folder / "res101.mat").unlink()
    write(folder, made)
    found = load_dataset(folder, semantics="new")
    assert (
        same_split(found, part) and found.split.name == "part" and len(found.labels) == len(whole.labels) - 1
    )
    assert hdf5.stored_extraction(stored) == {"by": "us"}


def test_an_hdf5_file_by_its_path_takes_the_semantics_in(folder, made, tmp_path):
    alone = import_dataset(folder, out=tmp_path / "alone.h5")
    assert write(alone, made) == [alone]
    found = load_dataset(alone, semantics="new")
    assert found.provenance == TOLD and np.array_equal(found.semantics, made)
    assert load_dataset(alone, semantics="att").task_id == load_dataset(folder).task_id


def test_a_file_that_is_out_of_date_is_left_out_of_date(folder, made):
    stored = import_dataset(folder)
    splits = loadmat(folder / "att_splits.mat")
    splits["att"] = splits["att"] + 1
    savemat(folder / "att_splits.mat", {k: v for k, v in splits.items() if not k.startswith("__")})
    bytes_before = stored.read_bytes()
    assert write(folder, made) == [folder / "new_splits.mat"]
    assert stored.read_bytes() == bytes_before
    assert any("was ignored" in note for note in load_dataset(folder, semantics="new").notes)


def test_a_splits_file_added_by_hand_is_reported_if_the_mat_is_missing(folder):
    import_dataset(folder)
    (folder / "res101.mat").unlink()
    shutil.copy(folder / "att_splits.mat", folder / "hand_splits.mat")
    with pytest.raises(DataError, match=r"hand_splits.mat changed since.* but res101.mat is missing"):
        load_dataset(folder)


def test_semantics_are_replaced_only_with_overwrite_and_only_ours(folder, made):
    import_dataset(folder)
    write(folder, made)
    with pytest.raises(DataError, match=r"already(.|\n)*--overwrite"):
        write(folder, made)
    write(folder, made * 2, told={"second": 2}, overwrite=True)
    found = load_dataset(folder, semantics="new")
    assert np.array_equal(found.semantics, made * 2) and found.provenance == {"second": 2}
    before = (folder / "att_splits.mat").read_bytes()
    with pytest.raises(DataError, match="did not write"):
        write(folder, made, name="att", overwrite=True)
    (folder / "att_splits.mat").unlink()  # it is in the HDF5 file still
    with pytest.raises(DataError, match="did not write"):
        check_target(find_basis(folder, "new"), "att", True)
    (folder / "att_splits.mat").write_bytes(before)


def test_a_write_that_fails_leaves_everything_readable(folder, made, monkeypatch):
    stored = import_dataset(folder)

    def full(path, content, failure, elsewhere):
        raise failure("new_splits.mat cannot be written: no space", where=path, fix=elsewhere)

    monkeypatch.setattr(writing, "write_atomically", full)
    with pytest.raises(DataError, match="no space") as caught:
        write(folder, made)
    assert "--results" not in str(caught.value) and not (folder / "new_splits.mat").exists()
    assert load_dataset(folder).features.filename == stored
    monkeypatch.undo()

    def broken(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hdf5_writer.shutil, "copyfile", broken)
    before = stored.read_bytes()
    with pytest.raises(DataError, match="No space left"):
        write(folder, made, name="newer")
    assert stored.read_bytes() == before and sorted(path.name for path in folder.iterdir()) == [
        "att_splits.mat",
        "res101.h5",
        "res101.mat",
    ]


def test_a_write_that_was_killed_between_its_files_is_repaired_by_the_next(folder, made, monkeypatch):
    stored = import_dataset(folder)
    (folder / "res101.mat").unlink()
    write(folder, made)

    def killed(path, content, *_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(writing, "write_atomically", killed)
        write(folder, made * 2, told={"second": 2}, overwrite=True)
    with pytest.raises(DataError, match=r"new_splits.mat changed since(.|\n)*--overwrite"):
        load_dataset(folder)
    files = write(folder, made * 3, told={"third": 3}, overwrite=True)
    assert files == [folder / "new_splits.mat", stored]
    assert load_dataset(folder, semantics="att").provenance == {}
    found = load_dataset(folder, semantics="new")
    assert np.array_equal(found.semantics, made * 3) and found.provenance == {"third": 3}


def test_new_semantics_of_a_write_that_was_stopped_between_its_files_are_written_again(
    folder, made, monkeypatch
):
    stored = import_dataset(folder)

    def full(*_):
        raise DataError("no space")

    with monkeypatch.context() as patched, pytest.raises(DataError, match="no space"):
        patched.setattr(writing, "write_atomically", full)
        write(folder, made)
    assert "new" in hdf5.stored_semantics(stored) and not (folder / "new_splits.mat").exists()
    assert write(folder, made * 2) == [folder / "new_splits.mat", stored]
    assert np.array_equal(load_dataset(folder, semantics="new").semantics, made * 2)
    with pytest.raises(DataError, match="already"):
        write(folder, made)


def test_concurrent_writes_keep_each_others_semantics(folder, made, monkeypatch):
    stored, copy, inside = import_dataset(folder), shutil.copyfile, []
    (folder / "res101.mat").unlink()

    def slowly(*paths):
        inside.append(1)
        copy(*paths)
        time.sleep(0.05)
        assert inside.pop() and not inside

    monkeypatch.setattr(hdf5_writer.shutil, "copyfile", slowly)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: write(folder, made, name), ("one", "two", "three")))
    assert set(hdf5.stored_semantics(stored)) == {"att", "one", "two", "three"}
    for semantics in ("att", "one", "two", "three"):
        assert load_dataset(folder, semantics=semantics).semantics_name == semantics
    assert not (folder / LOCK).exists()


def test_semantics_that_another_process_wrote_meanwhile_are_not_replaced(folder, made):
    basis = find_basis(folder, None)
    check_target(basis, "new", overwrite=False)
    write(folder, made)
    with pytest.raises(DataError, match="already"):
        write_semantics(basis, "new", made * 2, TOLD, overwrite=False)
    assert np.array_equal(load_dataset(folder, semantics="new").semantics, made)


@pytest.mark.parametrize("bad", ["{", "[1, 2]", '"text"', "3"])
def test_damaged_provenance_is_an_error(folder, made, bad):
    splits = {k: v for k, v in loadmat(folder / "att_splits.mat").items() if not k.startswith("__")}
    savemat(folder / "odd_splits.mat", {**splits, "gzslbench_provenance": bad})
    with pytest.raises(DataError, match=r"odd_splits.mat: gzslbench_provenance"):
        load_dataset(folder, semantics="odd")


def test_matlab_73_files_are_a_basis_too(folder, made, tmp_path):
    import h5py

    splits = {k: v for k, v in loadmat(folder / "att_splits.mat").items() if not k.startswith("__")}
    with h5py.File(folder / "att_splits.mat", "w") as file:
        for name, value in splits.items():
            if value.dtype != object:
                file[name] = value.T
    before = load_dataset(folder)
    write(folder, made)
    found = load_dataset(folder, semantics="new")
    assert same_split(found, before) and found.class_names == before.class_names == tuple(
        f"class {number}" for number in range(1, 6)
    )
