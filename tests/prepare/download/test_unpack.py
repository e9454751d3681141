from __future__ import annotations

import errno
import io
import os
import shutil
import struct
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.download import Progress
from gzslbench.prepare.download.fetch import unpack

KEPT = {"in/a.mat": b"first" * 100, "in/deep/er/b.mat": b"second", "in/empty": b"", "out/c": b"third"}


@pytest.fixture
def place(tmp_path):
    """Return the folder of an archive, which also has a file that nothing may touch."""
    (tmp_path / "outside").write_bytes(b"untouched")
    return tmp_path


@pytest.fixture
def unpacked(place):
    """Unpack what is below ``in/`` of these bytes; return the files by path, and counts."""

    def unpacked(content, name="lab.zip", wanted=None, force=False, progress=None):
        path = place / name
        path.write_bytes(content)
        archive = Archive(f"http://h/{name}", wanted or {"in/": ""})
        folder = place / "PETS"
        counts = unpack(path, archive, folder, force=force, progress=progress or Progress())
        found = [file for file in folder.rglob("*") if file.is_file()]
        return {str(file.relative_to(folder)): file.read_bytes() for file in found}, counts

    return unpacked


@pytest.fixture
def refused(unpacked, place):
    """Unpack these bytes, which is refused, and leaves nothing behind; the error."""

    def refused(content, name="lab.zip", **settings):
        with pytest.raises(DataError) as caught:
            unpacked(content, name, **settings)
        assert (place / "outside").read_bytes() == b"untouched"
        files = {file.name for file in place.rglob("*") if not file.is_dir()}
        assert files == {"outside", name}
        (place / name).unlink()
        return str(caught.value)

    return refused


def tar_entry(name, content=b"", **header):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        for attribute, value in header.items():
            setattr(entry, attribute, value)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tgz", "tar.gz"])
def test_only_wanted_members_are_written(unpacked, kind, make_zip, make_tgz, progress):
    content = make_zip(KEPT) if kind == "zip" else make_tgz(KEPT)
    found, done = unpacked(content, f"lab.{kind}", progress=progress)
    assert found == {"a.mat": b"first" * 100, "deep/er/b.mat": b"second", "empty": b""}
    assert done == (3, 0)
    assert progress.begun == [(f"unpacking lab.{kind}", None, 0)]
    assert progress.done == 506


def test_a_file_that_is_not_an_archive_is_its_own_member(unpacked):
    assert unpacked(b"labels", "labels.mat", wanted={"labels.mat": ""})[0] == {"labels.mat": b"labels"}


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_equal_files_are_kept_and_missing_ones_written(unpacked, place, kind, make_zip, make_tgz):
    content = make_zip(KEPT) if kind == "zip" else make_tgz(KEPT)
    found, _ = unpacked(content, f"lab.{kind}")
    kept = place / "PETS" / "a.mat"
    os.utime(kept, (1, 1))
    (place / "PETS" / "deep" / "er" / "b.mat").unlink()
    again, done = unpacked(content, f"lab.{kind}")
    assert again == found
    assert done == (1, 2)
    assert kept.stat().st_mtime == 1


@pytest.mark.parametrize("other", [b"other" * 100, b"longer" * 100, b""])
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_different_file_is_named_and_nothing_written_without_force(
    unpacked, place, kind, other, make_zip, make_tgz
):
    content = make_zip(KEPT) if kind == "zip" else make_tgz(KEPT)
    mine = place / "PETS" / "a.mat"
    mine.parent.mkdir()
    mine.write_bytes(other)
    with pytest.raises(DataError, match="1 files exist and differ") as caught:
        unpacked(content, f"lab.{kind}")
    assert caught.value.where == str(mine)
    assert "--force" in caught.value.fix
    assert [file.name for file in mine.parent.rglob("*")] == ["a.mat"]
    assert mine.read_bytes() == other
    assert unpacked(content, f"lab.{kind}", force=True)[0]["a.mat"] == KEPT["in/a.mat"]


def test_a_folder_that_blocks_a_file_is_an_error(unpacked, place, make_zip):
    (place / "PETS" / "a.mat").mkdir(parents=True)
    with pytest.raises(DataError, match="differ"):
        unpacked(make_zip(KEPT))
    with pytest.raises(DataError, match="cannot be written") as caught:
        unpacked(make_zip(KEPT), force=True)
    assert "blocks the path" in caught.value.fix


def test_a_file_that_blocks_a_folder_is_an_error(unpacked, place, make_zip):
    (place / "PETS").mkdir()
    (place / "PETS" / "deep").write_bytes(b"mine")
    with pytest.raises(DataError, match="cannot be written") as caught:
        unpacked(make_zip(KEPT))
    assert "blocks the path" in caught.value.fix
    assert (place / "PETS" / "deep").read_bytes() == b"mine"


def test_a_link_where_a_file_goes_is_replaced_and_not_written_through(unpacked, place, make_zip):
    (place / "PETS").mkdir()
    (place / "PETS" / "a.mat").symlink_to(place / "outside")
    unpacked(make_zip(KEPT), force=True)
    assert (place / "outside").read_bytes() == b"untouched"
    assert not (place / "PETS" / "a.mat").is_symlink()


@pytest.mark.parametrize("name", ["in/../outside", "in/a/../../x", "in//etc/x"])
def test_names_that_leave_the_folder_are_refused(refused, name, make_zip, make_tgz):
    assert "would leave the folder" in refused(make_zip({"in/safe": b"x", name: b"y"}))
    assert "would leave the folder" in refused(make_tgz({"in/safe": b"x", name: b"y"}), "lab.tgz")


@settings(max_examples=40)
@given(st.text(st.sampled_from("ab./\\:~C\x00\n \u00e9"), max_size=12) | st.text(max_size=12))
@example("a/../../b")
@example("/etc/passwd")
@example("C:/x")
@example("..\\x")
def test_no_member_name_changes_anything_outside_the_folder(tmp_path_factory, make_zip, make_tgz, name):
    place = tmp_path_factory.mktemp("names")
    for kind, make in (("zip", make_zip), ("tgz", make_tgz)):
        path = place / f"lab.{kind}"
        with suppress(UnicodeEncodeError):
            path.write_bytes(make({f"in/{name}": b"x"}))
            with suppress(DataError):
                archive = Archive(f"http://h/lab.{kind}", {"in/": ""})
                unpack(path, archive, place / "PETS", force=True, progress=Progress())
    assert {file.name for file in place.iterdir()} <= {"lab.zip", "lab.tgz", "PETS"}


@pytest.mark.parametrize("name", ["/in/x", "../in/x", "out/../x"])
def test_names_outside_of_the_wanted_folders_are_ignored(unpacked, name, make_zip, make_tgz):
    members = {"in/sound": b"x", name: b"y"}
    assert unpacked(make_zip(members))[0] == {"sound": b"x"}
    assert unpacked(make_tgz(members), "lab.tgz")[0] == {"sound": b"x"}


@pytest.mark.parametrize(
    "header",
    [
        {"type": tarfile.SYMTYPE, "linkname": "../outside"},
        {"type": tarfile.LNKTYPE, "linkname": "../outside"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
    ],
)
def test_links_and_devices_in_a_tar_are_refused(refused, header, make_tgz):
    assert "is a link or device" in refused(make_tgz({"in/sound": b"x", "in/odd": header}), "lab.tgz")
    assert "is a link or device" in refused(
        make_tgz({"in": header | {"linkname": "."}, "in/odd": header}), "lab.tgz"
    )


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o010666])
def test_links_and_devices_in_a_zip_are_refused(refused, mode):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("in/sound", b"x")
        entry = zipfile.ZipInfo("in/odd")
        entry.external_attr = mode << 16
        archive.writestr(entry, "../outside")
    assert "is a link or device" in refused(stream.getvalue())


def test_an_encrypted_zip_is_refused(refused, make_zip):
    content = bytearray(make_zip({"in/x": b"secret"}))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refused(bytes(content))


def test_a_small_zip_of_many_zeros_is_refused(refused, make_zip):
    content = make_zip({"in/x": bytes(2**24)})
    assert len(content) < 2**15
    assert "would unpack to more" in refused(content)


def test_a_small_tar_of_many_zeros_is_refused_even_where_they_are_not_wanted(refused):
    assert "would unpack to more" in refused(tar_entry("out/x", bytes(2**24)), "lab.tgz")


def test_a_zip_member_with_a_wrong_size_is_damaged(refused, make_zip):
    content, size = make_zip({"in/x": b"y" * 5000}), struct.pack("<I", 5000)
    assert content.count(size) == 2
    assert "damaged" in refused(content.replace(size, struct.pack("<I", 4000)))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_truncated_archive_is_damaged(refused, kind, share, make_zip, make_tgz, make_noise):
    members = {"in/a": make_noise(20_000), "in/b": make_noise(20_000, 1)}
    content = make_zip(members) if kind == "zip" else make_tgz(members)
    assert "damaged" in refused(content[: int(share * len(content))], f"lab.{kind}")


@pytest.mark.parametrize("place_of_it", range(40, 1200, 170))
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_flipped_byte_is_noticed_or_does_no_harm(
    unpacked, kind, place_of_it, make_zip, make_tgz, make_noise
):
    members = {"in/a": make_noise(1000)}
    content = bytearray(make_zip(members) if kind == "zip" else make_tgz(members))
    content[place_of_it % len(content)] ^= 0x55
    try:
        found, _ = unpacked(bytes(content), f"lab.{kind}")
    except DataError:
        return
    assert found == {"a": members["in/a"]}


def test_a_zip_of_an_unknown_method_is_damaged(refused, make_zip):
    content = bytearray(make_zip({"in/x": b"y" * 100}))
    content[8] = content[content.rindex(b"PK\x01\x02") + 10] = 77
    assert "damaged" in refused(bytes(content))


def test_a_full_disk_writes_nothing(unpacked, place, monkeypatch, make_zip):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", fail)  # zipfile writes members with it
    with pytest.raises(DataError, match="No space left") as caught:
        unpacked(make_zip(KEPT))
    assert "free some space" in caught.value.fix
    assert not (place / "PETS").exists()
