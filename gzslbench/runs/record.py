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
from typing import Annotated, Any, Literal

import msgspec

from gzslbench.data.variants import SHUFFLED
from gzslbench.errors import StoreError
from gzslbench.evaluation.metrics import PERCENTAGES as PERCENTAGES
from gzslbench.evaluation.metrics import Metrics, Percentage
from gzslbench.evaluation.selection import GammaChoice, Transfer
from gzslbench.plugins.spec import Setting
from gzslbench.runs.cell import Cell, External, TaskInfo

SCHEMA, EXTERNAL_SCHEMA = 2, 2
"""The newest that is read, and that of external results, which an older gzslbench would take for runs."""
Status = Literal["complete", "diverged"]
SELECTIONS = ("last", "val")
EXTERNAL: Literal["external"] = "external"
"""The selection of a result that was not run here: the rule is as its author states."""
Selection = Literal["last", "val", "external"]
CALIBRATED = "-calibrated"
"""Ends the name of the rule whose metrics are those of a selection after calibration."""
PEEK_GAMMA = "test-peek-gamma"
EPOCHS = ("epoch", "head_epoch")
BIAS = ("unseen_to_seen", "seen_to_unseen")
_LISTED_OF_TASK = (
    *("id", "dataset", "features", "semantics", "notes"),
    *("split_fingerprint", "feature_dimension", "extractor", "semantics_content", "pretraining"),
)
_LISTED_OF_RUN = (
    *("started", "seconds_train", "seconds_evaluate", "peak_memory_bytes"),
    *("gzslbench", "torch", "device", "threads"),
)
MEAN_TOLERANCE = 1e-6
_DEEPEST = 50
_REPEAT = "restore the file from a copy, or repeat the run with --rerun"

Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class RunMetrics(Metrics):
    """The metrics by one selection rule, and the completed epochs, from 1, at which they were taken.

    Only an external result may have no T1 or no AUSUC.

    Attributes:
        gamma: What was subtracted from the scores of seen classes; None: nothing.
        unseen_to_seen: Unseen test rows given to a seen class, percent; None: not known.
        seen_to_unseen: Seen test rows given to an unseen class, percent; None: not known.
    """

    epoch: Count
    head_epoch: Count
    gamma: float | None = None
    unseen_to_seen: Percentage | None = None
    seen_to_unseen: Percentage | None = None


@dataclass(frozen=True, kw_only=True)
class ValidationSplit:
    """A validation split, and the gamma that its classes chose if the run is calibrated.

    ``task`` is the id of the task with that split; ``counts`` are the rows of the split's parts.
    """

    task: str
    counts: Mapping[str, int]
    notes: Sequence[str]
    calibration: GammaChoice | None = None


@dataclass(frozen=True, kw_only=True)
class ValidationChoice(RunMetrics, ValidationSplit):
    """The epochs that validation classes chose, and the metrics on these classes there."""


@dataclass(frozen=True)
class Transferred:
    """A gamma that was passed on in one way, and the H that it gives on the test rows, percent."""

    gamma: float
    H: Percentage


@dataclass(frozen=True)
class Calibration:
    """How gamma was chosen.

    Attributes:
        transfer: How gamma was passed on from validation to the final model, see ``evaluation.calibration``.
        splits: The validation splits with the gamma that each of them chose.
        transfers: What each way of passing gamma on gives; only ``transfer`` is reported.
        repeats: The calibrated metrics of all final evaluations if there were several.
    """

    transfer: Transfer
    splits: Sequence[ValidationSplit]
    transfers: Mapping[str, Transferred]
    repeats: Sequence[Metrics] | None = None


@dataclass(frozen=True)
class Failure:
    """Where a run diverged: the loss or the scores, the stage, and its epoch; 0 without training."""

    term: str
    stage: str
    epoch: Annotated[int, msgspec.Meta(ge=0)]

    def __str__(self) -> str:
        return f"{self.term} became NaN or infinite in epoch {self.epoch} of {self.stage}"


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
    def other_task(self) -> str | None:
        """A sentence if the task is not that of the settings, which happens to edited records; else None."""
        task, cell = self.task.id, self.cell.task
        return None if task == cell else f"its task is {task}, and that of its settings {cell}"

    @property
    def reported(self) -> str:
        """The name in ``metrics`` of what the run reports: its selection, calibrated if the run is."""
        return self.selection + (CALIBRATED if self.cell.calibrate != "none" else "")

    @property
    def control(self) -> str | None:
        """The control experiment that the run is; None for the method itself."""
        return self.cell.control or ("shuffled" if SHUFFLED in self.task.semantics else None)

    @property
    def headline(self) -> RunMetrics | None:
        """The metrics that the run reports; None if the run diverged before it had any."""
        return self.metrics.get(self.reported)

    @property
    def scores(self) -> dict[str, Any]:
        """The percentages that the run reports, by name; each is None if the run diverged."""
        return dict.fromkeys(PERCENTAGES) if self.headline is None else self.headline.as_dict()

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, in JSON types."""
        return {**_known_parts(asdict(self)), "cell": self.cell.as_dict()}


@dataclass(frozen=True)
class Record(Summary):
    """One run.

    Attributes:
        status: ``complete``, or ``diverged`` if a loss became NaN or infinite; ``failure`` then says where.
        setting: What it learned from, see ``gzslbench.plugins.spec.Setting``.
        selection: How the run's epochs were chosen, ``last`` or ``val``; ``external`` if it was not run here.
        metrics: By selection rule; calibrated ones have names of their own.
        parameters: Trained numbers in the method's modules; None if the run diverged, or is external.
        validation: The choice made on the class-wise validation split, if there was one.
        repeats: All final evaluations if there were several: the metrics by ``selection`` are their mean, and
            the predictions are those of the first.
        calibration: How gamma was chosen, if the run is calibrated.

    Raises:
        StoreError: The fields contradict each other.
    """

    validation: ValidationChoice | None = None
    failure: Failure | None = None
    repeats: Sequence[Metrics] | None = None
    calibration: Calibration | None = None
    schema: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA)] = 1

    def __post_init__(self) -> None:
        external = self.cell.external
        if (external is None) != (self.selection != EXTERNAL):
            raise _wrong("cell.external", "and the selection contradict each other")
        if external is not None:
            self._check_external(external)
            return
        complete = self.status == "complete"
        for rule in (self.reported, self.selection) if complete else ():
            if rule not in self.metrics:
                raise _wrong(f"metrics.{rule}", "is missing")
        if complete and (self.calibration is None) != (self.reported == self.selection):
            raise _wrong("calibration", "is missing" if self.calibration is None else "is of no use here")
        if complete != (self.parameters is not None):
            raise _wrong("parameters", "is missing" if complete else "is given for a diverged run")
        for rule, repeats in self._repeats_by_rule().items():
            for name in PERCENTAGES if rule in self.metrics else ():
                mean = fmean(getattr(one, name) for one in repeats)
                if abs(getattr(self.metrics[rule], name) - mean) > MEAN_TOLERANCE:
                    raise _wrong(f"metrics.{rule}.{name}", "is not the mean over repeats")
        if complete != (self.failure is None):
            raise _wrong("failure", "is given for a complete run" if complete else "is missing")

    def _check_external(self, external: External) -> None:
        if self.schema < EXTERNAL_SCHEMA:
            raise _wrong("schema", f"is below {EXTERNAL_SCHEMA}, that of external results")
        if self.status != "complete" or list(self.metrics) != [EXTERNAL]:
            raise _wrong("metrics", f"are not those by {EXTERNAL!r} alone")
        for field, given in (("setting", self.setting), ("task.pretraining", self.task.pretraining)):
            if given != getattr(external, field.rpartition(".")[2]):
                raise _wrong(field, "is not that of cell.external")

    def as_dict(self) -> dict[str, Any]:
        """Every field by name in JSON types, the schema first; later ones only if they have a value."""
        values = {"schema": self.schema, **_known_parts(asdict(self)), "cell": self.cell.as_dict()}
        later = ("repeats", "calibration")
        return {name: value for name, value in values.items() if name not in later or value is not None}

    def _repeats_by_rule(self) -> dict[str, Sequence[Metrics]]:
        """All final evaluations by the rule whose metrics are their mean; empty if there was only one."""
        found: dict[str, Sequence[Metrics] | None] = {self.selection: self.repeats}
        if self.calibration is not None:
            found[self.reported] = self.calibration.repeats
        return {rule: repeats for rule, repeats in found.items() if repeats}

    @property
    def predicted(self) -> dict[str, Metrics]:
        """By rule, the metrics that the stored predictions give: those of the first final evaluation."""
        rules = {rule: self.metrics[rule] for rule in (self.selection, self.reported) if rule in self.metrics}
        return {**rules, **{rule: repeats[0] for rule, repeats in self._repeats_by_rule().items()}}

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation of each reported metric over the final evaluations; empty for a single one."""
        repeats = self._repeats_by_rule().get(self.reported, ())
        names = PERCENTAGES if len(repeats) > 1 else ()
        return {name: stdev(getattr(one, name) for one in repeats) for name in names}

    def comparable(self) -> dict[str, Any]:
        """Every field but ``run``: equal, to the bit, for two runs of one cell on one kind of device."""
        return {name: value for name, value in self.as_dict().items() if name != "run"}

    def to_json(self) -> str:
        """The text of record.json."""
        try:
            return json.dumps(self.as_dict(), indent=2, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
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
        level: list[Any] = [values]
        for _ in range(_DEEPEST):
            parts = [part.values() if isinstance(part, Mapping) else part for part in level]
            level = [value for part in parts for value in part if isinstance(value, (Mapping, list))]
        if level:  # what is done with a record calls itself for each level
            raise StoreError(f"not a record: its values are nested more than {_DEEPEST} levels deep")
        try:
            record = msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            what, field = _explain(error)
            raise _wrong(field, what) from error
        except UnicodeEncodeError as error:  # half of a surrogate pair in a name
            raise StoreError(f"not a record: {error}") from error
        for rule, numbers in record.metrics.items() if record.cell.external is None else ():
            for name in PERCENTAGES:
                if getattr(numbers, name) is None:
                    raise _wrong(f"metrics.{rule}.{name}", "is missing")
        return record


def _wrong(field: str, what: str) -> StoreError:
    return StoreError(f"{field} {what}", where=f"field {field!r}")


def _known_parts(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out the fields of task, run and metrics that are None, but no percentage."""
    parts = [values[part] for part in ("task", "run", "validation") if values.get(part)]
    for part in (*parts, *values["metrics"].values()):
        for name in [name for name, value in part.items() if value is None and name not in PERCENTAGES]:
            del part[name]
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
        what = f"the record has schema {values['schema']}, this gzslbench reads up to {SCHEMA}"
        fix = "read it with the newer gzslbench that wrote it: pip install --upgrade gzslbench"
        raise StoreError(what, fix=fix)
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
