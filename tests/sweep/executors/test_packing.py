from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gzslbench.sweep.executors.packing import SharedFiles, pack, read_value, write_packed

VALUES = st.recursive(
    st.none() | st.integers() | st.text() | arrays.arrays(np.float32, arrays.array_shapes(min_side=0)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(value=VALUES)
def test_a_value_comes_back(tmp_path_factory, value) -> None:
    file = tmp_path_factory.mktemp("packed") / "value"
    write_packed(pack(value), file)
    np.testing.assert_equal(read_value(file), value)


def test_arrays_are_mapped_and_a_change_is_private(tmp_path) -> None:
    table = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    write_packed(pack({"table": table}), tmp_path / "value")
    first, second = (read_value(tmp_path / "value")["table"] for _ in range(2))
    assert not first.flags.owndata
    assert first.flags.f_contiguous
    assert first.ctypes.data % 64 == 0
    first[0, 0] = 7
    assert second[0, 0] == 0
    assert read_value(tmp_path / "value")["table"][0, 0] == 0


def test_an_array_is_not_copied_on_its_way_into_the_file() -> None:
    table = np.ones(1000)
    (buffer,) = pack([table]).buffers
    assert np.shares_memory(buffer, table)


def test_an_object_has_one_file_and_none_when_closed() -> None:
    files, table = SharedFiles(), np.ones(3)
    first = files.file_of(table)
    assert files.file_of(table) == first
    assert files.file_of(np.ones(3)) != first
    files.close()
    assert not first.parent.exists()


def test_what_cannot_be_pickled_leaves_no_file(tmp_path) -> None:
    with pytest.raises(Exception, match="pickle"):
        pack(lambda: None)
