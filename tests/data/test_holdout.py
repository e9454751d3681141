from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.data.holdout import evenly_spaced, hold_out


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_the_two_parts_are_disjoint_complete_and_leave_every_class_a_row(labels, share):
    labels = np.array(labels)
    rows = np.arange(0, len(labels), 2)
    kept, held = hold_out(labels, rows, share)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), rows)
    assert set(labels[kept]) == set(labels[rows])


@given(st.integers(2, 200), st.floats(0.01, 0.99))
def test_a_class_of_two_rows_or_more_gives_its_share_but_at_least_one(number, share):
    _, held = hold_out(np.zeros(number, dtype=np.int64), np.arange(number), share)
    assert len(held) == min(max(round(number * share), 1), number - 1)


@given(st.integers(1, 500), st.data())
def test_evenly_spaced_positions_are_distinct_and_nearly_equally_far_apart(count, data):
    chosen = data.draw(st.integers(0, count))
    positions = evenly_spaced(count, chosen)
    assert len(set(positions.tolist())) == chosen
    assert all(0 <= position < count for position in positions)
    assert len(set(np.diff(positions).tolist())) <= 2


def test_one_row_in_five_is_the_middle_of_each_five():
    np.testing.assert_array_equal(evenly_spaced(15, 3), [2, 7, 12])
