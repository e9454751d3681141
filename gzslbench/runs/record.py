"""The record of one run: everything that decides its numbers, and the numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.plugins.setting import SETTINGS

SCHEMA = 1
RULES = ("last", "val", "test-peek", "test-peek-inner", "test-peek-outer")
SELECTIONS = ("last", "val")
STATUSES = ("complete", "diverged")
PERCENTAGES = ("U", "S", "H", "T1", "AUSUC")
EPOCHS = ("epoch", "head_epoch")


@dataclass(frozen=True)
class Record:
    """One run. It holds what JSON holds: lists for tuples, text for keys; ``==`` is to the bit.

    Attributes:
        id: The run's id, which is its folder's name.
        status: ``complete``, or ``diverged`` where a loss became NaN or infinite; ``failure`` then says when.
        cell: Everything that decides the number, as ``Cell.as_dict`` gives it.
        task: What the number may be compared under: id, dataset, features, semantics, split,
            fingerprints, counts, classes, notes and the sha256 of the files.
        setting: ``inductive``, ``class-transductive`` or ``transductive``.
        selection: The rule asked for, ``last`` or ``val``; its entry of ``metrics`` is the run's headline.
        metrics: By selection rule, the five metrics in percent with the epoch and the head's epoch
            (both counted from 1, 0 before any) at which they were taken.
        validation: The choice made on the class-wise validation split, where there was one.
        parameters: Trained numbers in the method's modules; None where the run diverged.
        failure: Where a run diverged: the ``term`` of the loss that did, the ``stage``, and the ``epoch`` of
            the stage, from 1.
        run: What two runs of one cell may differ in: times, versions, device, memory, command, and, under
            ``computed``, how the process that ended it computed what comes in several forms.

    Raises:
        StoreError: A field has the wrong type or an impossible value.
    """

    id: str
    status: str
    cell: Mapping[str, Any]
    task: Mapping[str, Any]
    setting: str
    selection: str
    metrics: Mapping[str, Mapping[str, Any]]
    run: Mapping[str, Any]
    parameters: int | None = None
    validation: Mapping[str, Any] | None = None
    failure: Mapping[str, Any] | None = None
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for field in fields(self):
            try:
                plain = json.loads(json.dumps(getattr(self, field.name), allow_nan=False))
            except ValueError as error:
                raise StoreError(f"{field.name}: {error}", where=f"field {field.name!r}") from error
            object.__setattr__(self, field.name, plain)
        _check(self)

    @property
    def headline(self) -> Mapping[str, Any] | None:
        """The metrics of the rule asked for; None where the run diverged before it had any."""
        return self.metrics.get(self.selection)

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, the schema first."""
        names = ["schema", *(field.name for field in fields(self) if field.name != "schema")]
        return {name: getattr(self, name) for name in names}

    def comparable(self) -> dict[str, Any]:
        """Every field but ``run``: equal, to the bit, for two runs of one cell on one kind of device."""
        return {name: value for name, value in self.as_dict().items() if name != "run"}

    def to_json(self) -> str:
        """The text of record.json."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: object = None) -> Record:
        """The record that ``text`` writes; ``where`` is the file to name in an error.

        Raises:
            StoreError: The text is no record, or one of a newer schema.
        """
        try:
            return cls(**_parse(text))
        except StoreError as error:
            place = ": ".join(str(part) for part in (where, error.where) if part is not None)
            raise StoreError(error.what, where=place or None, fix=error.fix or _REPEAT) from error


_REPEAT = "restore the file from a copy, or repeat the run with --rerun"


def _parse(text: str | bytes) -> dict[str, Any]:
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"not a record: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("schema"), int):
        raise StoreError("not a record: it has no schema number")
    if values["schema"] > SCHEMA:
        raise StoreError(
            f"the record has schema {values['schema']}, this gzslbench reads up to {SCHEMA}",
            fix="read it with the newer gzslbench that wrote it: pip install --upgrade gzslbench",
        )
    optional = {"parameters", "validation", "failure"}
    for field in fields(Record):
        if field.name not in values and field.name not in optional:
            raise StoreError("the record lacks a field", where=f"field {field.name!r}")
    unknown = sorted(values.keys() - {field.name for field in fields(Record)})
    if unknown:
        raise StoreError("the record has a field of no meaning", where=f"field {unknown[0]!r}")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check(record: Record) -> None:
    for name, kind in (("id", str), ("cell", dict), ("task", dict), ("metrics", dict), ("run", dict)):
        _demand(isinstance(getattr(record, name), kind), name, f"is no {kind.__name__}")
    for name in ("validation", "failure"):
        _demand(isinstance(getattr(record, name), (dict, type(None))), name, "is neither dict nor null")
    for name, known in (("status", STATUSES), ("setting", SETTINGS), ("selection", SELECTIONS)):
        _demand(getattr(record, name) in known, name, f"is none of {', '.join(known)}")
    _demand(type(record.schema) is int and 1 <= record.schema <= SCHEMA, "schema", f"is not 1 to {SCHEMA}")
    if record.status == "complete":
        _demand(_is_count(record.parameters), "parameters", "is no count")
        _demand(record.failure is None, "failure", "is given for a complete run")
        _demand(record.headline is not None, f"metrics.{record.selection}", "is missing")
    else:
        _demand(record.parameters is None, "parameters", "is given for a diverged run")
        _check_failure(record.failure)
    _check_cell(record.cell)
    _check_run(record.run)
    for rule, metrics in record.metrics.items():
        _demand(rule in RULES, f"metrics.{rule}", f"is none of {', '.join(RULES)}")
        _check_metrics(metrics, f"metrics.{rule}")


def _check_cell(cell: Mapping[str, Any]) -> None:
    for name, kind in (("method", str), ("seed", int), ("params", dict), ("head_params", dict)):
        _demand(isinstance(cell.get(name, kind()), kind), f"cell.{name}", f"is no {kind.__name__}")


def _check_run(run: Mapping[str, Any]) -> None:
    command = run.get("command") or []
    _demand(
        isinstance(command, list) and all(isinstance(word, str) for word in command),
        "run.command",
        "is no list of words",
    )
    for name in ("seconds_train", "seconds_evaluate", "peak_memory_bytes"):
        value = run.get(name)
        _demand(value is None or type(value) in (int, float), f"run.{name}", "is no number")


def _check_metrics(metrics: Any, where: str) -> None:
    _demand(isinstance(metrics, dict), where, "is no dict")
    for name in PERCENTAGES:
        _demand(_is_percentage(metrics.get(name)), f"{where}.{name}", "is no number from 0 to 100")
    for name in EPOCHS:
        _demand(_is_count(metrics.get(name)), f"{where}.{name}", "is no epoch")


def _check_failure(failure: Mapping[str, Any] | None) -> None:
    if failure is None:
        raise StoreError("failure is missing", where="field 'failure'")
    for name in ("term", "stage"):
        _demand(isinstance(failure.get(name), str), f"failure.{name}", "is no str")
    _demand(_is_count(failure.get("epoch")) and failure["epoch"] > 0, "failure.epoch", "is no epoch")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_percentage(value: object) -> bool:
    # Sums of shares that make the whole can pass 100 by rounding.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100 + 1e-6


def _demand(holds: bool, field: str, complaint: str) -> None:
    if not holds:
        raise StoreError(f"{field} {complaint}", where=f"field {field!r}")
