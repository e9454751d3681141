from __future__ import annotations

import time
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import StoreError
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions, load_predictions, save_predictions


def equal(one: Predictions, other: Predictions) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(Predictions))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "predictions.npz"


@given(st.data())
def test_what_is_loaded_is_what_was_saved(any_scored, tmp_path_factory, data):
    predictions = data.draw(any_scored).predictions
    path = tmp_path_factory.mktemp("round-trip") / "predictions.npz"
    save_predictions(path, predictions)
    loaded = load_predictions(path)
    assert equal(loaded, predictions)
    assert metrics_of(loaded) == metrics_of(predictions)


def test_equal_predictions_give_equal_bytes_at_any_time(path, table, monkeypatch):
    save_predictions(path, table)
    first = path.read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    save_predictions(path, table)
    assert path.read_bytes() == first


def test_nothing_else_is_left_in_the_folder(path, table):
    save_predictions(path, table)
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_gone_is_a_store_error(path, table):
    with pytest.raises(StoreError, match="cannot be written"):
        save_predictions(path.parent / "gone" / "predictions.npz", table)


def test_a_missing_file_is_named(path):
    with pytest.raises(StoreError, match="no predictions") as error:
        load_predictions(path)
    assert str(path) in str(error.value)


def test_any_damaged_byte_is_a_store_error_or_harmless(path, table):
    save_predictions(path, table)
    whole = path.read_bytes()
    refused, positions = 0, range(0, len(whole), 3)
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            assert equal(load_predictions(path), table)
        except StoreError:
            refused += 1
    assert refused > len(positions) / 2


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_a_store_error(path, table, share):
    save_predictions(path, table)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(StoreError, match="cannot be read"):
        load_predictions(path)


def test_a_missing_array_is_a_store_error(path, table):
    np.savez(path, labels=table.labels)
    with pytest.raises(StoreError, match="best_seen"):
        load_predictions(path)


def test_a_pickle_is_never_loaded(path, table):
    arrays = {f.name: getattr(table, f.name) for f in fields(Predictions)}
    np.savez(path, **{**arrays, "labels": np.array([print], dtype=object)}, allow_pickle=True)
    assert "labels.npy" in zipfile.ZipFile(path).namelist()
    with pytest.raises(StoreError, match="labels holds Python objects"):
        load_predictions(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gap": np.full(7, np.nan, np.float32)}, "NaN"),
        ({"gap": np.zeros(7, np.float16)}, "gap is not a vector of float32"),
        ({"gap": np.array([1, 1, 1, 1, 1, 1, np.inf], np.float32)}, "NaN or infinite"),
        ({"gap": np.full(7, np.inf), "best_seen": np.full(7, -1)}, "predicted class of a row is not known"),
        ({"gap": np.zeros(6, np.float32)}, "differ in length"),
        ({"labels": np.zeros((7, 1), np.int64)}, "labels is not a vector"),
        ({"labels": np.array([0, 0, 0, 1, 3, 3, 5])}, "outside 0..4"),
        ({"best_unseen": np.array([3, 3, 4, 3, 3, 3, -1])}, "outside 0..4"),
        ({"best_seen": np.array([0, 0, 2, 1, 0, 1, 4])}, "of the other side"),
        ({"zsl": np.array([3, 3, 0])}, "of the other side"),
        ({"zsl": np.array([3, 3])}, "are not those of test_seen, then"),
        ({"zsl": np.full(8, 3)}, "are not those of test_seen, then"),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(path, table, changes, message):
    arrays = {f.name: getattr(table, f.name) for f in fields(Predictions)}
    np.savez(path, **{**arrays, **changes})
    with pytest.raises(StoreError, match=message):
        load_predictions(path)


def test_empty_parts_load(path, table):
    empty = replace(
        table, **{f.name: getattr(table, f.name)[:0] for f in fields(Predictions) if f.name != "seen"}
    )
    save_predictions(path, empty)
    assert equal(load_predictions(path), empty)
