"""MATLAB 5 files: what scipy reads of them is the oracle; damage is an error, never a crash."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from gzslbench.data.formats.mat5 import OtherKindError, names_in_mat5, read_mat5

NUMBERS = np.arange(6.0).reshape(2, 3)
NAMES = np.array([["Höhle"], ["猫"], [""]], dtype=object)


def write(path, **values):
    savemat(path, values, do_compression=path.name.startswith("z"))
    return path


def element(kind, content):
    """An element of a file: type, size, content, and the padding to eight bytes."""
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(flags, shape, name, *parts):
    head = element(6, struct.pack("<II", flags, 0)) + element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, head + element(1, name) + b"".join(parts))


def file_of(path, *elements):
    path.write_bytes(b"MATLAB".ljust(124) + b"\x00\x01IM" + b"".join(elements))
    return path


@pytest.mark.parametrize("file", ["plain.mat", "zipped.mat"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u2", "i1", "c16"])
def test_numbers_are_those_that_scipy_reads(tmp_path, file, dtype):
    path = write(tmp_path / file, x=NUMBERS.astype(dtype), other=np.ones(3))
    found, expected = read_mat5(path, ("x",)), loadmat(path)["x"]
    assert list(found) == ["x"]
    np.testing.assert_array_equal(found["x"], expected)
    assert found["x"].dtype == expected.dtype


@pytest.mark.parametrize("file", ["plain.mat", "zipped.mat"])
def test_cells_and_rows_of_characters_become_texts(tmp_path, file):
    path = write(
        tmp_path / file, cells=NAMES, rows=np.array(["ant", "bee"]), nested=np.array([[NAMES]], object)
    )
    found = read_mat5(path, ("cells", "rows"))
    assert found["cells"].shape == (3, 1)
    assert found["cells"].ravel().tolist() == ["Höhle", "猫", ""]
    assert found["rows"].tolist() == ["ant", "bee"]
    assert names_in_mat5(path) == {"cells", "rows", "nested"}


def test_texts_of_two_bytes_as_matlab_writes_them(tmp_path):
    text = "Höhle 𝄞"
    units = text.encode("utf-16-le")
    path = file_of(tmp_path / "x.mat", matrix(4, (1, len(units) // 2), b"x", element(4, units)))
    assert read_mat5(path, ("x",))["x"].tolist() == [text]


def test_an_uncompressed_array_is_not_copied(tmp_path):
    found = read_mat5(write(tmp_path / "plain.mat", x=NUMBERS), ("x",))["x"]
    assert not found.flags.owndata
    assert not found.flags.writeable


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([matrix(6, (2, 3), b"x", element(9, bytes(40)))], "5 numbers for the shape"),
        ([matrix(6, (2**30, 2**30), b"x", element(9, bytes(8)))], "1 numbers for the shape"),
        ([matrix(6, (-1, 3), b"x", element(9, bytes(8)))], "dimensions"),
        ([matrix(6, (2,), b"x", element(9, bytes(8)))], "no dimensions"),
        ([matrix(4, (1, 9), b"x", element(9, bytes(8)))], "no characters"),
        ([matrix(4, (2, 9), b"x", element(16, b"ant"))], "3 characters"),
        ([matrix(1, (2**30, 1), b"x")], "cells in 0 bytes"),
        ([element(14, element(5, bytes(8)))], "flags"),
        ([element(9, bytes(8))], "no variable"),
        ([b"\x0e\x00\x00\x00\xff\xff\xff\xff"], "longer than its block"),
        ([b"\x0e\x00"], "its block ends"),
        ([struct.pack("<II", 15, 4) + b"abcd"], "compressed variable is damaged"),
    ],
)
def test_sizes_that_are_not_there_are_errors(tmp_path, parts, message):
    with pytest.raises((ValueError, OtherKindError), match=message):
        read_mat5(file_of(tmp_path / "x.mat", *parts), ("x",))


def test_cells_in_cells_end_somewhere(tmp_path):
    inner = matrix(6, (1, 1), b"", element(9, bytes(8)))
    for _ in range(200):
        inner = matrix(1, (1, 1), b"x", inner)
    with pytest.raises(ValueError, match="cells"):
        read_mat5(file_of(tmp_path / "x.mat", inner), ("x",))


def test_a_small_file_cannot_unpack_to_gigabytes(tmp_path):
    head = matrix(6, (2**14, 2**15), b"x")
    size = 2**31
    head = head[:4] + struct.pack("<I", len(head) - 8 + 8 + size) + head[8:] + struct.pack("<II", 9, size)
    packer, packed = zlib.compressobj(1), io.BytesIO()
    packed.write(packer.compress(head) + packer.compress(bytes(2**20)) + packer.flush())
    content = packed.getvalue()
    with pytest.raises(ValueError, match="unpack to"):
        read_mat5(file_of(tmp_path / "x.mat", struct.pack("<II", 15, len(content)) + content), ("x",))


@pytest.mark.parametrize("cut", [1, 5, 100])
def test_a_compressed_variable_needs_its_end(tmp_path, cut):
    path = write(tmp_path / "zipped.mat", x=np.random.default_rng(0).random((50, 50)))
    content = path.read_bytes()
    (size,) = struct.unpack_from("<I", content, 132)
    path.write_bytes(content[:132] + struct.pack("<I", size - cut) + content[136:-cut])
    with pytest.raises(ValueError, match=r"unpack|damaged"):
        read_mat5(path, ("x",))


@pytest.mark.parametrize(
    ("flags", "message"), [(2, "struct"), (5, "sparse"), (17, "class string"), (16, "struct or an object")]
)
def test_variables_of_other_kinds_are_named(tmp_path, flags, message):
    body = element(6, struct.pack("<II", flags, 0))
    body += b"" if flags == 17 else element(5, struct.pack("<2i", 1, 1))
    path = file_of(tmp_path / "x.mat", element(14, body + element(1, b"x") + element(1, b"MCOS")))
    assert names_in_mat5(path) == {"x"}
    with pytest.raises(OtherKindError) as caught:
        read_mat5(path, ("x",))
    assert message in caught.value.what
    assert caught.value.name == "x"
