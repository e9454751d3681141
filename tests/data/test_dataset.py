from __future__ import annotations

import hashlib
import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.data.dataset import Split, evenly_spaced, hold_out

rows = st.lists(st.integers(0, 2**33), max_size=8)


@settings(max_examples=25)
@given(rows, rows, rows, st.randoms())
def test_the_fingerprint_does_not_depend_on_the_order_of_rows(trainval, test_seen, test_unseen, random):
    first = Split("ps", trainval, test_seen, test_unseen)
    shuffled = [random.sample(part, len(part)) for part in (trainval, test_seen, test_unseen)]
    assert Split("ps", *shuffled).fingerprint == first.fingerprint


@settings(max_examples=25)
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


@settings(max_examples=25)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_the_two_parts_are_disjoint_complete_and_leave_every_class_a_row(labels, share):
    labels = np.array(labels)
    rows = np.arange(0, len(labels), 2)
    kept, held = hold_out(labels, rows, share)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), rows)
    assert set(labels[kept]) == set(labels[rows])


@settings(max_examples=25)
@given(st.integers(2, 200), st.floats(0.01, 0.99))
def test_a_class_of_two_rows_or_more_gives_its_share_but_at_least_one(number, share):
    _, held = hold_out(np.zeros(number, dtype=np.int64), np.arange(number), share)
    assert len(held) == min(max(round(number * share), 1), number - 1)


@settings(max_examples=25)
@given(st.integers(1, 500), st.data())
def test_evenly_spaced_positions_are_distinct_and_nearly_equally_far_apart(count, data):
    chosen = data.draw(st.integers(0, count))
    positions = evenly_spaced(count, chosen)
    assert len(set(positions.tolist())) == chosen
    assert all(0 <= position < count for position in positions)
    assert len(set(np.diff(positions).tolist())) <= 2


def test_one_row_in_five_is_the_middle_of_each_five():
    np.testing.assert_array_equal(evenly_spaced(15, 3), [2, 7, 12])
