from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.results.record import Record
from gzslbench.results.store import RunFolder, Store

NAMES = ["cat", "dog", "fox", "owl", "bee"]


@pytest.fixture
def table() -> Predictions:
    """Worked by hand: seen cat, dog and fox (without rows), unseen owl and bee.

    | true | best seen | best unseen | gap  | predicted |
    | cat  | cat       | owl         | 2.75 | cat       |
    | cat  | cat       | owl         | 0.75 | cat       |
    | cat  | fox       | bee         | 1.75 | fox       |
    | dog  | dog       | owl         | -.25 | owl       |
    | owl  | cat       | owl         | 1.75 | cat       |
    | owl  | dog       | owl         | -1.25| owl       |
    | bee  | dog       | bee         | 0.25 | dog       |

    S = (2/3 + 0) / 2; U = (1/2 + 0) / 2; T1 = 1. Best on the curve: gamma 0.75 gives U = (1/2 + 1) / 2,
    S = 1/3. The area is 1/4 * 5/6 + 1/2 * 1/3 + 1/4 * 1/6 = 5/12.
    """
    return Predictions(
        labels=np.array([0, 0, 0, 1, 3, 3, 4]),
        best_seen=np.array([0, 0, 2, 1, 0, 1, 1]),
        best_unseen=np.array([3, 3, 4, 3, 3, 3, 4]),
        gap=np.array([2.75, 0.75, 1.75, -0.25, 1.75, -1.25, 0.25], np.float32),
        zsl=np.array([3, 3, 4]),
        seen=np.array([True, True, True, False, False]),
    )


@pytest.fixture
def record() -> Record:
    """The record that the table above bears out."""
    S, U = 100 / 3, 25.0
    metrics = {"U": U, "S": S, "H": 2 * U * S / (U + S), "T1": 100.0, "AUSUC": 500 / 12}
    return Record(
        id="ce-gzsl-CUB-s7-0123456789",
        status="complete",
        cell={"method": "ce-gzsl", "seed": 7},
        task={"id": "CUB/res101/sent/ps-1234-5678", "dataset": "CUB", "class_names": NAMES},
        setting="inductive",
        selection="last",
        metrics={"last": {**metrics, "epoch": 12, "head_epoch": 25}},
        parameters=12345,
        run={},
    )


@pytest.fixture
def folder(tmp_path: Path, record: Record, table: Predictions) -> RunFolder:
    """The run's folder, with record and predictions."""
    folder = Store(tmp_path / "results").run(record.id)
    with folder.lock():
        folder.write_record(record)
    save_predictions(folder.predictions_file, table)
    return folder


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
