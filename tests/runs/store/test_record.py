from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import StoreError
from gzslbench.runs.record import RULES, SCHEMA, SETTINGS, Record

percentages = st.floats(0, 100)
epochs = st.integers(0, 10**6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(st.text(), json_values, max_size=4)
metrics = st.fixed_dictionaries(
    {
        **dict.fromkeys(("U", "S", "H", "T1", "AUSUC"), percentages),
        **dict.fromkeys(("epoch", "head_epoch"), epochs),
    }
)


failures = st.fixed_dictionaries({"term": st.text(), "stage": st.text(), "epoch": st.integers(1, 10**6)})
FAILURE = {"term": "critic", "stage": "game", "epoch": 3}


@st.composite
def records(draw: st.DrawFn) -> Record:
    selection = draw(st.sampled_from(["last", "val"]))
    diverged = draw(st.booleans())
    by_rule = draw(st.dictionaries(st.sampled_from(RULES), metrics))
    return Record(
        id=draw(st.text()),
        status="diverged" if diverged else "complete",
        cell=draw(tables),
        task=draw(tables),
        setting=draw(st.sampled_from(SETTINGS)),
        selection=selection,
        metrics=by_rule if diverged else {**by_rule, selection: draw(metrics)},
        run=draw(tables),
        parameters=None if diverged else draw(epochs),
        validation=draw(st.none() | tables),
        failure=draw(failures) if diverged else None,
    )


@given(records())
def test_a_record_survives_json_to_the_bit(record: Record) -> None:
    again = Record.from_json(record.to_json())
    assert again == record
    assert again.to_json() == record.to_json()


@given(records(), tables)
def test_two_runs_of_one_cell_compare_equal_whatever_the_machine(record: Record, other_run: dict) -> None:
    other = Record(**{**record.as_dict(), "run": other_run})
    assert other.comparable() == record.comparable()
    assert "run" not in record.comparable()
    assert record.comparable().keys() | {"run"} == record.as_dict().keys()


def test_the_headline_is_the_metrics_of_the_rule_asked_for(make_record) -> None:
    record = make_record()
    assert record.headline == record.metrics["last"]
    assert make_record(status="diverged", parameters=None, failure=FAILURE, metrics={}).headline is None


def test_tuples_become_the_lists_that_json_gives_back(make_record) -> None:
    assert make_record(cell={"betas": (0.5, 0.999)}).cell == {"betas": [0.5, 0.999]}


def _with(record: Record, path: str, value: object) -> str:
    """The JSON of ``record`` with the field at the dotted ``path`` changed; None removes it."""
    values = json.loads(record.to_json())
    *parents, name = path.split("/")
    inner = values
    for parent in parents:
        inner = inner[parent]
    if value is None:
        del inner[name]
    else:
        inner[name] = value
    return json.dumps(values)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("id", 3, "id"),
        ("cell", None, "cell"),
        ("cell", [1], "cell"),
        ("status", "done", "status"),
        ("setting", "deductive", "setting"),
        ("selection", "test-peek", "selection"),
        ("selection", "val", "metrics.val"),
        ("metrics/last/H", 100.5, "metrics.last.H"),
        ("metrics/last/U", -1, "metrics.last.U"),
        ("metrics/last/U", True, "metrics.last.U"),
        ("metrics/last/S", "60", "metrics.last.S"),
        ("metrics/last/AUSUC", None, "metrics.last.AUSUC"),
        ("metrics/last/epoch", 1.5, "metrics.last.epoch"),
        ("metrics/best", {}, "metrics.best"),
        ("metrics/last", 3, "metrics.last"),
        ("parameters", -1, "parameters"),
        ("parameters", None, "parameters"),
        ("validation", 3, "validation"),
        ("failure", FAILURE, "failure"),
        ("status", "diverged", "parameters"),
        ("surprise", 1, "surprise"),
        ("schema", 0, "schema"),
        ("schema", True, "schema"),
    ],
)
def test_a_wrong_field_is_refused_by_file_and_name(make_record, path: str, value: object, field: str) -> None:
    with pytest.raises(StoreError) as caught:
        Record.from_json(_with(make_record(), path, value), "runs/a/record.json")
    assert caught.value.where == f"runs/a/record.json: field '{field}'"
    assert "--rerun" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("failure", None, "failure"),
        ("failure/term", None, "failure.term"),
        ("failure/stage", 3, "failure.stage"),
        ("failure/epoch", 0, "failure.epoch"),
        ("failure/epoch", True, "failure.epoch"),
        ("parameters", 12, "parameters"),
    ],
)
def test_a_diverged_record_must_say_where_it_diverged(
    make_record, path: str, value: object, field: str
) -> None:
    diverged = make_record(status="diverged", parameters=None, failure=FAILURE, metrics={})
    with pytest.raises(StoreError) as caught:
        Record.from_json(_with(diverged, path, value), "record.json")
    assert caught.value.where == f"record.json: field '{field}'"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", "[" * 100_000, b"\xff\xfe\x00", '{"schema": "1"}']
)
def test_what_is_no_record_is_refused_by_file(text: str) -> None:
    with pytest.raises(StoreError, match=re.escape("where: here.json")):
        Record.from_json(text, "here.json")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(make_record, constant: str) -> None:
    with pytest.raises(StoreError):
        Record.from_json(make_record().to_json().replace("48.0", constant), "here.json")
    with pytest.raises(StoreError):
        make_record(run={"seconds": math.nan})


def test_a_newer_schema_asks_for_an_upgrade(make_record) -> None:
    with pytest.raises(StoreError, match=f"schema {SCHEMA + 1}") as caught:
        Record.from_json(_with(make_record(), "schema", SCHEMA + 1), "here.json")
    assert caught.value.fix is not None
    assert "upgrade" in caught.value.fix
