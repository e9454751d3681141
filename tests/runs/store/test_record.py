from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import StoreError
from gzslbench.evaluation.selection import RULES, GammaChoice
from gzslbench.plugins.spec import SETTINGS
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.record import (
    SCHEMA,
    Failure,
    PresetInfo,
    Record,
    RunInfo,
    RunMetrics,
    Summary,
    ValidationChoice,
)

percentages = st.floats(0, 100)
epochs = st.integers(0, 10**6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
tables = st.dictionaries(st.text(), json_values, max_size=4)
texts = st.lists(st.text(), max_size=3)
counts = st.dictionaries(st.text(), st.integers(), max_size=3)
shares = st.none() | percentages
metrics = st.builds(RunMetrics, *[percentages] * 5, epochs, epochs, *[shares] * 3)
gammas = st.builds(GammaChoice, *[percentages] * 3)
splits = {"task": st.text(), "counts": counts, "notes": texts, "calibration": st.none() | gammas}
choices = st.builds(ValidationChoice, *[percentages] * 5, epochs, epochs, **splits)
cells = st.builds(
    Cell,
    *(st.text(), st.integers(), st.text(), st.text(), st.text(), tables, st.integers()),
    head=st.none() | st.text(),
    head_params=tables,
    validation=st.none() | st.text(),
)
tasks = st.builds(
    TaskInfo,
    *[st.text()] * 4,
    counts=st.none() | counts,
    class_names=st.none() | texts,
    provenance=st.none() | tables,
)
runs = st.builds(
    RunInfo,
    started=st.none() | st.text(),
    seconds_train=st.none() | percentages,
    preset=st.none() | st.builds(PresetInfo, st.text(), st.none() | st.text()),
    peak_memory_bytes=st.none() | epochs,
    command=st.none() | texts,
    extraction=st.none() | tables,
)
failures = st.builds(Failure, st.text(), st.text(), st.integers(1, 10**6))
FAILURE = {"term": "critic", "stage": "game", "epoch": 3}


@st.composite
def records(draw: st.DrawFn) -> Record:
    selection = draw(st.sampled_from(["last", "val"]))
    diverged = draw(st.booleans())
    by_rule = draw(st.dictionaries(st.sampled_from(list(RULES)), metrics))
    return Record(
        id=draw(st.text()),
        status="diverged" if diverged else "complete",
        cell=draw(cells),
        task=draw(tasks),
        setting=draw(st.sampled_from(SETTINGS)),
        selection=selection,
        metrics=by_rule if diverged else {**by_rule, selection: draw(metrics)},
        run=draw(runs),
        parameters=None if diverged else draw(epochs),
        validation=draw(st.none() | choices),
        failure=draw(failures) if diverged else None,
    )


@settings(max_examples=20)
@given(records())
def test_a_record_and_its_summary_survive_json_to_the_bit(record: Record) -> None:
    again = Record.from_json(record.to_json())
    assert again == record
    assert again.to_json() == record.to_json()
    summary = Summary.of(record)
    assert msgspec.convert(json.loads(json.dumps(summary.as_dict())), Summary) == summary


def test_two_runs_of_one_cell_compare_equal_on_any_machine(make_record) -> None:
    record = make_record()
    other = replace(record, run=RunInfo(started="2020-01-01", seconds_train=7.0, device="another"))
    assert other.comparable() == record.comparable()
    assert "run" not in record.comparable()
    assert record.comparable().keys() | {"run"} == record.as_dict().keys()


def test_the_headline_is_the_metrics_of_the_runs_own_rule(make_record) -> None:
    record = make_record()
    assert record.headline == record.metrics["last"]
    diverged = make_record(status="diverged", parameters=None, failure=Failure(**FAILURE), metrics={})
    assert diverged.headline is None


def test_tuples_become_the_lists_that_json_gives_back(make_record) -> None:
    record = make_record()
    paired = replace(record, cell=replace(record.cell, params={"betas": (0.5, 0.999)}))
    assert paired.as_read().cell.params == {"betas": [0.5, 0.999]}


def test_a_record_of_version_0_1_is_read_and_written_with_the_same_content() -> None:
    text = (Path(__file__).parent / "record-0.1.json").read_text()
    values = json.loads(text)
    record = Record.from_json(text)
    assert record.cell.id == record.id
    assert values["run"].pop("together") == 1  # of an option that is gone
    assert record.as_dict() == values
    assert list(record.as_dict()["run"]) == list(values["run"])


def test_fields_of_a_newer_version_are_ignored_and_its_rules_kept(make_record) -> None:
    record = make_record()
    values = record.as_dict()
    values["surprise"] = 1
    for part in (values["cell"], values["task"], values["run"], values["metrics"]["last"]):
        part["surprise"] = {"a": 1}
    assert Record.from_json(json.dumps(values)) == record
    values["metrics"]["test-peek-gamma"] = values["metrics"]["last"]
    assert Record.from_json(json.dumps(values)).metrics["test-peek-gamma"] == record.metrics["last"]


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
        ("metrics/last/H", 100.5, "metrics[...].H"),
        ("metrics/last/U", -1, "metrics[...].U"),
        ("metrics/last/U", True, "metrics[...].U"),
        ("metrics/last/S", "60", "metrics[...].S"),
        ("metrics/last/AUSUC", None, "metrics[...].AUSUC"),
        ("metrics/last/epoch", 1.5, "metrics[...].epoch"),
        ("metrics/best", {}, "metrics[...].U"),
        ("metrics/last", 3, "metrics[...]"),
        ("parameters", -1, "parameters"),
        ("parameters", None, "parameters"),
        ("validation", 3, "validation"),
        ("failure", FAILURE, "failure"),
        ("status", "diverged", "parameters"),
        ("cell/seed", "1", "cell.seed"),
        ("cell/params", [1], "cell.params"),
        ("cell/method", None, "cell.method"),
        ("task/class_names", "cat", "task.class_names"),
        ("run/command", "gzslbench run", "run.command"),
        ("run/seconds_train", "long", "run.seconds_train"),
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
        ("failure/epoch", -1, "failure.epoch"),
        ("failure/epoch", True, "failure.epoch"),
        ("parameters", 12, "parameters"),
    ],
)
def test_a_diverged_record_must_say_where_it_diverged(
    make_record, path: str, value: object, field: str
) -> None:
    diverged = make_record(status="diverged", parameters=None, failure=Failure(**FAILURE), metrics={})
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
        make_record(run=RunInfo(seconds_train=math.nan)).as_read()


def test_a_newer_schema_suggests_an_upgrade(make_record) -> None:
    with pytest.raises(StoreError, match=f"schema {SCHEMA + 1}") as caught:
        Record.from_json(_with(make_record(), "schema", SCHEMA + 1), "here.json")
    assert caught.value.fix is not None
    assert "upgrade" in caught.value.fix


@pytest.mark.parametrize("shape", ["[]", "{}"])
def test_values_that_are_nested_deeply_are_refused_before_anything_is_done_with_them(
    make_record, shape
) -> None:
    levels: object = 1.0
    for _ in range(400):
        levels = [levels] if shape == "[]" else {"a": levels}
    content = json.loads(make_record().to_json())
    content["cell"]["params"]["alpha"] = levels
    with pytest.raises(StoreError, match="nested more than 50 levels deep"):
        Record.from_json(json.dumps(content), "here")
