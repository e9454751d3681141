"""Arrays of numpy: header and size are checked before memory is taken."""

import io
import warnings
import zipfile

import numpy as np
import pytest

from gzslbench.data.formats.numpy_files import npz_names, open_npy, read_npz

VALUES = np.arange(12.0).reshape(3, 4)


def npy(array, **changes):
    """The bytes of a .npy file, with fields of its header replaced."""
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    end = content.index(b"\n") + 1
    head = content[10:end].decode()
    for old, new in changes.values():
        assert old in head
        head = head.replace(old, new)
    return content[:8] + len(head).to_bytes(2, "little") + head.encode() + content[end:]


@pytest.mark.parametrize(
    "array", [VALUES, VALUES.T, VALUES[:0], np.array(3), np.array(["ä", "b"]), VALUES > 3]
)
def test_a_healthy_array_is_that_of_numpy(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    np.savez_compressed(tmp_path / "x.npz", x=array, y=[1])
    for found in (open_npy(tmp_path / "x.npy"), read_npz(tmp_path / "x.npz", 10**6, ("x",))["x"]):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
    assert npz_names(tmp_path / "x.npz") == ["x", "y"]


DAMAGE = {
    "a shape of terabytes": ("(3, 4)", "(1000000, 1000000)"),
    "a negative shape": ("(3, 4)", "(-3, -4)"),
    "a shape of less": ("(3, 4)", "(3, 3)"),
    "a shape that is a text": ("(3, 4)", "'ab'"),
    "an open bracket": ("(3, 4)", "(3, 4"),
    "texts without end": ("'<f8'", "'<U1000000000'"),
    "values without size": ("'<f8'", "'|V0'"),
    "Python objects": ("'<f8'", "'|O'"),
    "no type": ("'<f8'", "7"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_header_is_a_value_error(tmp_path, change):
    content = npy(VALUES, change=change)
    (tmp_path / "x.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(ValueError, match="x"):
        open_npy(tmp_path / "x.npy")
    with pytest.raises(ValueError, match="x"):
        read_npz(tmp_path / "x.npz", 10**6)


def test_texts_must_consist_of_characters(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.array(["abc"]))
    path.write_bytes(path.read_bytes()[:-4] + b"\xff\xff\xff\x7f")
    with pytest.raises(ValueError, match="characters"):
        open_npy(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_methods_with_bounds_are_unpacked(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", method) as archive:
        archive.writestr("x.npy", npy(VALUES))
    with pytest.raises(ValueError, match="method"):
        read_npz(tmp_path / "x.npz", 10**6)


def test_an_archive_says_before_it_unpacks_to_too_much(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(10**6))
    with pytest.raises(ValueError, match=r"unpacks to 7\.6 MiB, more than 1\.0 MiB"):
        read_npz(tmp_path / "x.npz", 2**20)


def test_a_changed_byte_of_an_archive_is_noticed(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=VALUES)
    content = bytearray(path.read_bytes())
    content[content.index(VALUES[1].tobytes())] ^= 1
    path.write_bytes(content)
    with warnings.catch_warnings(), pytest.raises(ValueError, match="x is damaged"):
        read_npz(path, 10**6)
