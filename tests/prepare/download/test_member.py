from __future__ import annotations

import io

import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.download.member import Member, pieces, without_dot


@pytest.mark.parametrize(("size", "word"), [(0, "more"), (99, "more"), (101, "fewer")])
def test_a_member_has_as_many_bytes_as_it_says(tmp_path, size, word):
    member = Member("in/x", size, "file")
    with pytest.raises(DataError, match=f"unpacks to {word} than its {size} bytes"):
        list(pieces(io.BytesIO(bytes(100)), member, tmp_path))


def test_a_stream_without_end_is_left_at_the_size_that_was_told(tmp_path):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            self.given += size
            assert self.given < 2**24
            return bytes(size)

    with pytest.raises(DataError, match="more than"):
        list(pieces(Endless(), Member("in/x", 2**20, "file"), tmp_path))


@pytest.mark.parametrize(
    ("name", "plain"), [("./a/b", "a/b"), ("././a", "a"), ("../a", "../a"), (".a", ".a")]
)
def test_a_leading_dot_is_no_part_of_a_name(name, plain):
    assert without_dot(name) == plain
