from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.prepare.text.encoder import encode_classes


class Table:
    """Encodes by a table."""

    def __init__(self, table) -> None:
        self.table = table

    def encode(self, texts):
        return np.array([self.table[text] for text in texts], dtype=np.float32)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=6), st.integers(0, 2**16))
def test_all_texts_of_a_class_have_the_same_weight(counts, seed):
    random = np.random.default_rng(seed)
    texts = [tuple(f"{c}.{i}" for i in range(count)) for c, count in enumerate(counts)]
    table = {text: random.normal(size=9) * random.uniform(0.1, 50) for each in texts for text in each}
    found = encode_classes(Table(table), texts, [str(c) for c in range(len(texts))])
    assert found.dtype == np.float32 and found.shape == (len(counts), 9)
    for row, each in zip(found, texts, strict=True):
        total = np.zeros(9)
        for text in each:
            total += table[text] / np.sqrt(np.sum(table[text] ** 2))
        assert np.allclose(row, total / np.sqrt(np.sum(total**2)), atol=1e-5)


@pytest.mark.parametrize(
    ("table", "texts", "complaint"),
    [
        ({"a": [1, np.nan], "b": [1, 0]}, [("a",), ("b",)], "1 texts as NaN"),
        ({"a": [1, np.inf], "b": [1, 0]}, [("a",), ("b",)], "1 texts as NaN, infinite"),
        ({"a": [0, 0], "b": [1, 0]}, [("b",), ("a",)], "zero"),
        (
            {"a": [2, 4], "b": [1, 2], "c": [0, 1]},
            [("c",), ("a",), ("b",)],
            "'fox' and 'owl' have the same enc",
        ),
        ({"a": [1, 0], "b": [-3, 0], "c": [0, 1]}, [("c",), ("a", "b")], "cancel each other"),
    ],
)
def test_invalid_encodings_are_refused(table, texts, complaint):
    with pytest.raises(DataError, match=complaint) as caught:
        encode_classes(Table(table), texts, ["bee", "fox", "owl"][: len(texts)])
    assert "where" in str(caught.value) and "to do" in str(caught.value)
