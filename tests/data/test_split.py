from __future__ import annotations

import hashlib
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.data.split import Split

rows = st.lists(st.integers(0, 2**33), max_size=8)


@given(rows, rows, rows, st.randoms())
def test_the_fingerprint_does_not_depend_on_the_order_of_rows(trainval, test_seen, test_unseen, random):
    first = Split("ps", trainval, test_seen, test_unseen)
    shuffled = [random.sample(part, len(part)) for part in (trainval, test_seen, test_unseen)]
    assert Split("ps", *shuffled).fingerprint == first.fingerprint


@given(rows, rows, rows)
def test_the_fingerprint_is_sha256_of_names_lengths_and_little_endian_rows(trainval, test_seen, test_unseen):
    written = b""
    for name, part in (("trainval", trainval), ("test_seen", test_seen), ("test_unseen", test_unseen)):
        written += f"{name}:{len(part)};".encode()
        written += b"".join(struct.pack("<q", row) for row in sorted(part))
    expected = hashlib.sha256(written).hexdigest()
    assert Split("ps", trainval, test_seen, test_unseen).fingerprint == expected


def test_moving_a_row_to_another_part_changes_the_fingerprint():
    assert Split("ps", [0, 1], [2], [3]).fingerprint != Split("ps", [0], [1, 2], [3]).fingerprint


def test_columns_of_any_integer_type_become_sorted_vectors_of_int64():
    split = Split("ps", np.array([[5], [1]], dtype=np.uint16), [4], [2, 3])
    assert split.trainval.dtype == np.int64
    np.testing.assert_array_equal(split.trainval, [1, 5])
    assert split.counts == {"trainval": 2, "test_seen": 1, "test_unseen": 2}
