from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace

import pytest

from gzslbench.data.catalogue import catalogue
from gzslbench.data.formats.xlsa17 import read_folder
from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.download.fetch import ARCHIVES, fetch, find_specs, lock_archives
from gzslbench.prepare.synthetic_folder import write_synthetic_folder


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def get(pets, root, progress):
    """Fetch the pets; return what was done."""

    def get(*specs, **settings):
        return fetch(specs or [pets], root, progress=progress, **settings)

    return get


def files(root):
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def test_features_are_fetched_and_images_are_not(get, root, server):
    (done,) = get()
    assert (done.dataset, done.folder, done.archive, done.written) == ("PETS", root / "PETS", "lab.zip", 2)
    assert files(root / "PETS") == ["att_splits.mat", "res101.mat"]
    assert {path for path, _ in server.requests} == {"/lab.zip"}
    assert files(root / ARCHIVES) == ["lab.zip", "lab.zip.json"]


def test_images_are_fetched_on_request_and_the_licence_is_shown(get, root, progress):
    assert [done.archive for done in get(images=True)] == ["lab.zip", "photos.tgz"]
    assert "images/cat/1.jpg" in files(root / "PETS")
    assert "list.txt" not in files(root / "PETS")
    assert "photos.tgz: ask" in progress.lines


def test_the_origin_of_an_archive_is_stored(get, root, server):
    (done,) = get()
    content = (root / ARCHIVES / "lab.zip").read_bytes()
    noted = json.loads((root / ARCHIVES / "lab.zip.json").read_text())
    assert noted == vars(done.provenance)
    assert noted["url"] == f"{server.url}/lab.zip"
    assert (noted["size"], noted["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert noted["date"].startswith("20")


def test_existing_files_are_not_fetched_again(get, root, server):
    get(images=True)
    before, server.requests[:] = files(root), []
    assert [(done.written, done.kept) for done in get(images=True)] == [(0, 2)] * 2
    assert server.requests == []
    assert files(root) == before


def test_a_missing_file_is_unpacked_from_the_archive_that_is_here(get, root, server):
    get()
    (root / "PETS" / "att_splits.mat").unlink()
    server.requests.clear()
    (done,) = get()
    assert (done.written, done.kept) == (1, 1)
    assert server.requests == []


def test_what_a_kill_left_of_a_finished_download_is_removed(get, root):
    get()
    (root / ARCHIVES / "lab.zip.part.json").write_text("{}")
    (root / "PETS" / "res101.mat").unlink()
    get()
    assert files(root / ARCHIVES) == ["lab.zip", "lab.zip.json"]


def test_a_removed_archive_is_downloaded_again_if_a_file_is_missing(get, root, server):
    get()
    (root / ARCHIVES / "lab.zip").unlink()
    (root / "PETS" / "att_splits.mat").unlink()
    assert get()[0].written == 1


def test_a_file_that_was_changed_is_named_and_kept_without_force(get, root):
    get()
    changed = root / "PETS" / "res101.mat"
    changed.write_bytes(b"mine")
    with pytest.raises(DataError, match="differ") as caught:
        get()
    assert caught.value.where == str(changed)
    assert changed.read_bytes() == b"mine"
    assert get(force=True)[0].written == 1
    assert get()[0].written == 0


def test_another_archive_of_the_same_name_is_an_error_that_says_so(get, root, server, make_zip):
    get()
    shutil.rmtree(root / "PETS")
    (root / ARCHIVES / "lab.zip").unlink()
    server.serve("/lab.zip", make_zip({"lab/data/PETS/res101.mat": b"new"}), etag='"new"')
    with pytest.raises(DataError, match="not the one of 20") as caught:
        get()
    note = root / ARCHIVES / "lab.zip.json"
    assert str(note) in caught.value.fix
    assert not (root / "PETS").exists()
    note.unlink()
    server.requests.clear()
    assert get()[0].written == 1
    assert server.requests == []  # it had come already


def test_an_archive_that_was_changed_here_is_an_error(get, root):
    get()
    (root / "PETS" / "res101.mat").unlink()
    (root / ARCHIVES / "lab.zip").write_bytes(b"mine")
    with pytest.raises(DataError, match="not the one of 20") as caught:
        get()
    assert "remove it" in caught.value.fix


def test_an_archive_that_the_user_put_there_is_used(get, root, server):
    (root / ARCHIVES).mkdir(parents=True)
    (root / ARCHIVES / "lab.zip").write_bytes(server.answers["/lab.zip"].content)
    (done,) = get()
    assert (done.written, done.provenance.url, server.requests) == (2, "", [])


def test_an_archive_that_the_user_put_there_must_have_the_known_checksum(get, pets, root):
    (root / ARCHIVES).mkdir(parents=True)
    (root / ARCHIVES / "lab.zip").write_bytes(b"mine")
    known = replace(pets, archives=(replace(pets.archives[0], sha256="0" * 64),))
    with pytest.raises(DataError, match=r"the archive has 4 bytes and the sha256 .*, not 4 and 000"):
        get(known)


def test_a_download_without_the_known_checksum_or_size_is_removed(get, pets, root, server):
    for known in ({"sha256": "0" * 64}, {"size": 5}):
        server.answers["/lab.zip"].no_length = True
        changed = replace(pets, archives=(replace(pets.archives[0], **known),))
        with pytest.raises(DataError, match="it was removed"):
            get(changed)
        assert files(root) == []
    sha256 = hashlib.sha256(server.answers["/lab.zip"].content).hexdigest()
    assert get(replace(pets, archives=(replace(pets.archives[0], sha256=sha256),)))[0].written == 2


@pytest.mark.parametrize("cut", [0.3, 0.9])
@pytest.mark.parametrize(("path", "images"), [("/lab.zip", False), ("/photos.tgz", True)])
def test_a_damaged_archive_is_replaced_after_the_user_removed_it(get, root, server, cut, path, images):
    whole = server.answers[path].content
    server.answers[path].content = whole[: int(cut * len(whole))]
    with pytest.raises(DataError, match="damaged") as caught:
        get(images=images)
    archive = root / ARCHIVES / path[1:]
    assert caught.value.where == str(archive)
    assert f"remove it and {archive.name}.json" in caught.value.fix
    archive.unlink()
    archive.with_name(f"{archive.name}.json").unlink()
    server.serve(path, whole, etag='"corrected"')
    assert get(images=images)[-1].written == 2


def test_an_archive_without_what_is_wanted_stays_for_the_user(get, pets, root):
    with pytest.raises(DataError, match="has no lab/data/BIRDS/"):
        get(replace(pets, archives=(replace(pets.archives[0], wanted={"lab/data/BIRDS/": ""}),)))
    assert (root / ARCHIVES / "lab.zip").is_file()


def test_two_datasets_of_one_archive_download_it_once(get, pets, root, server):
    cars = replace(pets, name="CARS", archives=(replace(pets.archives[0], wanted={"lab/data/CARS/": ""}),))
    assert [done.written for done in get(pets, cars)] == [2, 1]
    assert len(server.requests) == 1
    assert files(root / "CARS") == ["res101.mat"]


def test_files_are_written_where_the_dataset_is(get, root):
    (root / "xlsa17" / "data" / "PETS").mkdir(parents=True)
    assert get()[0].folder == root / "xlsa17" / "data" / "PETS"
    assert get()[0].written == 0


def test_a_second_fetch_of_an_archive_is_an_error_that_names_the_first(get, root):
    with lock_archives(root / ARCHIVES, ["lab.zip"]):
        with pytest.raises(DataError, match=f"is fetching this archive: process {os.getpid()} on"):
            get()
        assert files(root) == [f"{ARCHIVES}/lab.zip.lock"]
    assert get()[0].written == 2


def test_a_dataset_created_by_a_function_has_nothing_to_fetch(get):
    with pytest.raises(DataError, match="nothing to fetch"):
        get(plugins().datasets()["digits"])


def test_without_known_archives_the_page_is_named(get, pets):
    with pytest.raises(DataError, match="no archive of PETS") as caught:
        get(replace(pets, archives=()))
    assert caught.value.where == "https://pets.example"
    with pytest.raises(DataError, match="no archive of images of PETS"):
        get(replace(pets, archives=pets.archives[:1]), images=True)


def test_complete_features_need_no_archive(get, root, server, monkeypatch):
    folder = write_synthetic_folder("APY", root / "APY", scale=0.01)
    dataset, spec = read_folder(folder, "APY", "res101", ["att"])[0], catalogue()["APY"]
    counts, fingerprints = dataset.split.counts, {"ps": dataset.split.fingerprint}
    expected = replace(spec.expected, rows=len(dataset.labels), counts=counts, fingerprints=fingerprints)
    spec = replace(spec, expected=replace(expected, semantics={"att": 64}, semantics_content={}))
    monkeypatch.setitem(catalogue(), "APY", spec)
    (done,) = get(spec, mirror=server.url)
    assert (done.provenance, server.requests) == (None, [])


def test_features_from_elsewhere_are_compared_with_the_catalogue(get, root, server):
    write_synthetic_folder("APY", root / "APY", scale=0.01)
    with pytest.raises(DataError, match="404"):  # they are not APY's, so the archive is fetched
        get(catalogue()["APY"], mirror=server.url)
    assert load_dataset("APY", root=root).name == "APY"


def test_names_are_looked_up_in_any_case_and_once():
    assert [spec.name for spec in find_specs(["sun", "AWA2", "SUN"])] == ["SUN", "AWA2"]
    with pytest.raises(DataError, match="no dataset 'awa-2'") as caught:
        find_specs(["sun", "awa-2"])
    assert "'AWA2'" in caught.value.fix


def test_a_data_root_that_may_not_be_written_is_an_error(get, root):
    root.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        get()
    assert str(root) in caught.value.where
