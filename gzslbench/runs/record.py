"""The record of one run: everything that decides its numbers, and the numbers.

A record is a versioned JSON file. Its parts are plain dataclasses; msgspec checks them when a file is read.
A field that is None is not written. Fields that a newer version added are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean, stdev
from typing import Annotated, Any, Literal, get_args

import msgspec

from gzslbench.errors import StoreError
from gzslbench.plugins.spec import Setting
from gzslbench.runs.cell import Cell, TaskInfo

SCHEMA = 1
"""Raised when an older gzslbench cannot read the file."""
Status = Literal["complete", "diverged"]
Selection = Literal["last", "val"]
SELECTIONS: tuple[Selection, ...] = get_args(Selection)
RULES = ("last", "val", "test-peek", "test-peek-inner", "test-peek-outer")
PERCENTAGES = ("U", "S", "H", "T1", "AUSUC")
EPOCHS = ("epoch", "head_epoch")
_LISTED_OF_TASK = ("id", "dataset", "features", "semantics", "notes")
_LISTED_OF_RUN = (
    *("started", "seconds_train", "seconds_evaluate", "peak_memory_bytes"),
    *("gzslbench", "torch", "device", "threads"),
)
MEAN_TOLERANCE = 1e-6
_REPEAT = "restore the file from a copy, or repeat the run with --rerun"

Percentage = Annotated[float, msgspec.Meta(ge=0, le=100 + 1e-6)]  # sums of shares can pass 100 by rounding
Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class Repeat:
    """The metrics of one final evaluation, in percent, as in ``gzslbench.evaluation.metrics.Metrics``."""

    U: Percentage
    S: Percentage
    H: Percentage
    T1: Percentage
    AUSUC: Percentage

    def percentages(self) -> dict[str, float]:
        """The five percentages by name."""
        return {name: getattr(self, name) for name in PERCENTAGES}


@dataclass(frozen=True)
class RunMetrics(Repeat):
    """The metrics by one selection rule, and the completed epochs, from 1, at which they were taken."""

    epoch: Count
    head_epoch: Count


@dataclass(frozen=True)
class ValidationChoice(RunMetrics):
    """The epochs that validation classes chose, and the metrics on these classes there.

    ``task`` is the id of the task with the validation split; ``counts`` are the rows of the split's parts.
    """

    task: str
    counts: Mapping[str, int]
    notes: Sequence[str]


@dataclass(frozen=True)
class Failure:
    """Where a run diverged: the loss, the stage, and the epoch of the stage, from 1."""

    term: str
    stage: str
    epoch: Annotated[int, msgspec.Meta(ge=1)]


@dataclass(frozen=True)
class PresetInfo:
    """The preset of a run: its table in defaults.toml, and where its numbers come from."""

    table: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class RunInfo:
    """What may differ between two runs of one cell; None: not known.

    Attributes:
        started: Date and time in UTC, in ISO 8601.
        seconds_train: Wall time of all training, interruptions left out.
        seconds_evaluate: Wall time of all evaluations.
        peak_memory_bytes: The most that tensors took on CUDA, or that the process took on a CPU.
        computed: By operation, which of its implementations the process used.
        command: The arguments of the command line.
        extraction: How gzslbench extracted the features, if it did.
        provenance: How gzslbench made the semantics, if it did.
    """

    started: str | None = None
    seconds_train: float | None = None
    seconds_evaluate: float | None = None
    preset: PresetInfo | None = None
    peak_memory_bytes: float | int | None = None
    computed: Mapping[str, Any] | None = None
    command: Sequence[str] | None = None
    extraction: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] | None = None
    gzslbench: str | None = None
    python: str | None = None
    torch: str | None = None
    numpy: str | None = None
    platform: str | None = None
    device: str | None = None
    threads: int | None = None

    @property
    def seconds(self) -> float:
        """Wall time to train and evaluate; 0 if it is not known."""
        return (self.seconds_train or 0.0) + (self.seconds_evaluate or 0.0)


@dataclass(frozen=True)
class Summary:
    """The parts of a record that lists and tables need, with the attributes of ``Record``."""

    id: str
    status: Status
    cell: Cell
    task: TaskInfo
    setting: Setting
    selection: Selection
    metrics: Mapping[str, RunMetrics]
    run: RunInfo
    parameters: Count | None = None

    @classmethod
    def of(cls, record: Record) -> Summary:
        """Summarize a record."""
        parts = {field.name: getattr(record, field.name) for field in fields(cls)}
        parts["task"] = TaskInfo(**{name: getattr(record.task, name) for name in _LISTED_OF_TASK})
        parts["run"] = RunInfo(**{name: getattr(record.run, name) for name in _LISTED_OF_RUN})
        return cls(**parts)

    @property
    def headline(self) -> RunMetrics | None:
        """The metrics by the run's own rule; None if the run diverged before it had any."""
        return self.metrics.get(self.selection)

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, in JSON types."""
        return {**_known_parts(asdict(self)), "cell": self.cell.as_dict()}


@dataclass(frozen=True)
class Record(Summary):
    """One run.

    Attributes:
        status: ``complete``, or ``diverged`` if a loss became NaN or infinite; ``failure`` then says where.
        setting: ``inductive``, ``class-transductive`` or ``transductive``.
        selection: The run's own rule, ``last`` or ``val``; its metrics are the headline.
        metrics: By selection rule.
        parameters: Trained numbers in the method's modules; None if the run diverged.
        validation: The choice made on the class-wise validation split, if there was one.
        repeats: All final evaluations if there were several: the headline is their mean, and the predictions
            are those of the first.

    Raises:
        StoreError: The fields contradict each other.
    """

    validation: ValidationChoice | None = None
    failure: Failure | None = None
    repeats: Sequence[Repeat] | None = None
    schema: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA)] = SCHEMA

    def __post_init__(self) -> None:
        complete = self.status == "complete"
        if complete and self.headline is None:
            raise _wrong(f"metrics.{self.selection}", "is missing")
        if complete != (self.parameters is not None):
            raise _wrong("parameters", "is missing" if complete else "is given for a diverged run")
        if self.repeats and self.headline is not None:
            for name in PERCENTAGES:
                mean = fmean(getattr(one, name) for one in self.repeats)
                if abs(getattr(self.headline, name) - mean) > MEAN_TOLERANCE:
                    raise _wrong(f"metrics.{self.selection}.{name}", "is not the mean over repeats")
        if complete != (self.failure is None):
            raise _wrong("failure", "is given for a complete run" if complete else "is missing")

    def as_dict(self) -> dict[str, Any]:
        """Every field by name in JSON types, the schema first; ``repeats`` only if there are any."""
        values = {"schema": self.schema, **_known_parts(asdict(self)), "cell": self.cell.as_dict()}
        if self.repeats is None:
            del values["repeats"]
        return values

    @property
    def predicted(self) -> Repeat | None:
        """The metrics that the stored predictions give: the headline, or the first of several evaluations."""
        return self.repeats[0] if self.repeats else self.headline

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation of each metric over the final evaluations; empty if there was only one."""
        if not self.repeats or len(self.repeats) < 2:
            return {}
        return {name: stdev(getattr(one, name) for one in self.repeats) for name in PERCENTAGES}

    def comparable(self) -> dict[str, Any]:
        """Every field but ``run``: equal, to the bit, for two runs of one cell on one kind of device."""
        return {name: value for name, value in self.as_dict().items() if name != "run"}

    def to_json(self) -> str:
        """The text of record.json."""
        try:
            return json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n"
        except ValueError as error:
            raise StoreError(f"the record of {self.id} cannot be written: {error}") from error

    def as_read(self) -> Record:
        """Check every field, and return the record that a reader of its file gets: lists for tuples."""
        return Record.from_json(self.to_json())

    @classmethod
    def from_json(cls, text: str | bytes, where: object = None) -> Record:
        """Read a record; ``where`` is the file to name in an error."""
        try:
            return cls.from_dict(_parse(text))
        except StoreError as error:
            place = ": ".join(str(part) for part in (where, error.where) if part is not None)
            raise StoreError(error.what, where=place or None, fix=error.fix or _REPEAT) from error

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """Read what ``as_dict`` gave."""
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            what, field = _explain(error)
            raise _wrong(field, what) from error


def _wrong(field: str, what: str) -> StoreError:
    return StoreError(f"{field} {what}", where=f"field {field!r}")


def _known_parts(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out the fields of task and run that are None."""
    for part in ("task", "run"):
        values[part] = {name: value for name, value in values[part].items() if value is not None}
    return values


def _parse(text: str | bytes) -> dict[str, Any]:
    # The json module, not msgspec's: it reads half of a surrogate pair, which names of classes may have.
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
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _explain(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return what is wrong, and the dotted name of the field."""
    what, _, path = str(error).partition(" - at `$")
    field = path.strip(".`")
    missing = re.fullmatch(r"Object missing required field `(.+)`", what)
    if missing:
        return "is missing", f"{field}.{missing[1]}".strip(".")
    return f"is wrong: {what[:1].lower()}{what[1:]}", field
