from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from gzslbench.errors import StoreError
from gzslbench.evaluation.predictions import save_predictions
from gzslbench.runs.record import Failure
from gzslbench.runs.verify import (
    PredictionsWarning,
    check_predictions,
    compare_predictions,
    read_predictions,
)


def test_a_record_that_its_predictions_bear_out_is_no_warning(record, folder, table) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_predictions(record, folder)
        assert read_predictions(record, folder).gap.tolist() == table.gap.tolist()


@pytest.mark.parametrize("name", ["U", "S", "H", "T1", "AUSUC"])
def test_a_changed_number_is_named_with_both_values(record, folder, table, name: str) -> None:
    changed = replace(record, metrics={"last": replace(record.metrics["last"], **{name: 12.5})})
    kept, again = compare_predictions(changed, table)[name]
    assert list(compare_predictions(changed, table)) == [name]
    assert (kept, again) == (12.5, pytest.approx(getattr(record.metrics["last"], name)))
    with pytest.warns(PredictionsWarning, match=f"{name} 12.5000 against {again:.4f}"):
        check_predictions(changed, folder)


def test_the_rule_asked_for_is_what_is_compared(record, table) -> None:
    peek = replace(record.metrics["last"], H=99.0)
    assert compare_predictions(replace(record, metrics={**record.metrics, "test-peek": peek}), table) == {}


def test_rounding_of_another_machine_is_no_difference(record, table) -> None:
    metrics = replace(record.metrics["last"], U=record.metrics["last"].U + 1e-9)
    assert compare_predictions(replace(record, metrics={"last": metrics}), table) == {}


def test_predictions_over_other_classes_are_refused(record, folder) -> None:
    fewer = replace(record, task=replace(record.task, class_names=["cat", "dog"]))
    with pytest.raises(StoreError, match="over 5 classes, the record names 2"):
        read_predictions(fewer, folder)
    with pytest.warns(PredictionsWarning, match="over 5 classes"):
        check_predictions(fewer, folder)


def test_missing_predictions_are_an_error_only_where_they_are_needed(record, folder) -> None:
    folder.predictions_file.unlink()
    with pytest.raises(StoreError, match="there are no predictions"):
        read_predictions(record, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_predictions(record, folder)


def test_damaged_predictions_are_a_warning_to_one_who_asks_for_the_record(record, folder, table) -> None:
    save_predictions(folder.predictions_file, table)
    folder.predictions_file.write_bytes(folder.predictions_file.read_bytes()[:100])
    with pytest.warns(PredictionsWarning, match="cannot be read"):
        check_predictions(record, folder)


def test_a_diverged_run_has_none(record, folder) -> None:
    failure = Failure("critic", "game", 3)
    diverged = replace(record, status="diverged", metrics={}, parameters=None, failure=failure)
    with pytest.raises(StoreError, match="diverged: it has no predictions"):
        read_predictions(diverged, folder)
