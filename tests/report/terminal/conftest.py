from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from gzslbench.evaluation.predictions import Predictions


@st.composite
def _predictions(draw: st.DrawFn) -> Predictions:
    rows = draw(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=40))
    unseen = draw(st.lists(st.sampled_from([3, 4]), min_size=1, max_size=40))
    n = len(rows) + len(unseen)

    def each(values: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(values, min_size=n, max_size=n))

    predictions = Predictions(
        labels=np.array(sorted(rows) + unseen, np.int64),
        best_seen=np.array(each(st.sampled_from([0, 1, 2])), np.int64),
        best_unseen=np.array(each(st.sampled_from([3, 4])), np.int64),
        gap=np.array(each(st.integers(-8, 8)), np.float32) / 4,
        zsl=np.array([], np.int64),
        seen=np.array([True, True, True, False, False]),
    )
    return replace(predictions, zsl=predictions.best_unseen[len(rows) :])


@pytest.fixture(scope="session")
def any_predictions() -> st.SearchStrategy[Predictions]:
    """Predictions over the five classes, with gaps that tie often."""
    return _predictions()
