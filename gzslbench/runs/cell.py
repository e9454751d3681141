"""A cell and its task: everything that decides a number, and the id that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.spec import Setting

if TYPE_CHECKING:
    from gzslbench.data.dataset import Dataset

EXTERNAL_PREFIX = "external-"
"""Begins the method of an external result, and so its id, and so every name that a view gives it."""
CONTROLS = ("shuffled", "oracle", "chance")
"""Control experiments. The name of its semantics marks a shuffled run, ``Cell.control`` the others."""
PROTOCOL = 3
"""Raised when the trainer or the evaluator gives other numbers for the same cell."""

UNKNOWN = "unknown"
"""What an author does not state."""
_ABSENT = object()
_LATER = {
    **{"eval_repeats": 1, "calibrate": "none"},
    **dict.fromkeys(("control", "external", "code", "validation_features")),
}
"""Fields added after 0.1 with their default, which an id leaves out so that cells of 0.1 keep theirs."""


@dataclass(frozen=True)
class External:
    """A result of another program, which is evaluated here; all but the predictions is as its author states.

    Attributes:
        name: What the author calls the method.
        predictions: The sha256 of the predictions, see ``evaluation.predictions.fingerprint``.
        setting: What the method saw while it was trained.
        selection: How epochs and parameters were chosen; ``unknown`` if the author does not say.
        pretraining: What the networks behind the scores learned from, or ``unknown``.
        paper: Where it is described.
        url: Where its program is.
    """

    name: str
    predictions: str
    setting: Setting
    selection: str = UNKNOWN
    pretraining: str = UNKNOWN
    paper: str = ""
    url: str = ""


@dataclass(frozen=True)
class Cell:
    """One run before it runs, in plain JSON types.

    Attributes:
        task: The dataset's task id, which contains the fingerprints of split and content.
        params: Every parameter of the method.
        head: The classifier of a generative method; None for a method that scores classes itself.
        head_params: Every parameter of a head that has its own.
        seed: Root of every random stream.
        select: The selection rule of the headline, ``last`` or ``val``.
        validation: Fingerprint of the validation splits that decide epochs or gamma, and of
            ``validation_features``; None without any.
        eval_every: Evaluate after every so many epochs and at the end; 0: at the end only.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32``, ``tf32`` or ``bf16``.
        protocol: Version of trainer and evaluator.
        eval_repeats: Final evaluations that are averaged, each with its own stream; else 1.
        calibrate: ``val`` if a gamma is chosen on validation classes; ``none`` otherwise.
        control: ``oracle``, ``chance``, or None for the method itself, see ``gzslbench.evaluation.controls``.
        external: Where the result comes from, if it was not run here; then only ``seed`` says anything more.
        code: The sha256 of the code of a method that is in no package, see ``MethodSpec``; else None.
        validation_features: The features of the trainings on validation splits; None: those of the task.
    """

    method: str
    method_version: int
    dataset: str
    task: str
    preprocessing: str
    params: Mapping[str, Any]
    seed: int
    head: str | None = None
    head_version: int = 1
    head_params: Mapping[str, Any] = field(default_factory=dict)
    select: str = "last"
    validation: str | None = None
    eval_every: int = 0
    device: str = "cpu"
    precision: str = "fp32"
    deterministic: bool = False
    protocol: int = PROTOCOL
    eval_repeats: int = 1
    calibrate: str = "none"
    control: str | None = None
    external: External | None = None
    code: str | None = None
    validation_features: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return every field by name; without the ``_LATER`` ones that have their default."""
        values = asdict(self)
        return {name: value for name, value in values.items() if value != _LATER.get(name, _ABSENT)}

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def id(self) -> str:
        """The run's id and folder name: readable, and unique by the digest's first ten digits."""
        head = "" if self.head in (None, SOFTMAX) else f"-{self.head}"
        control = f"-{self.control}" if self.control else ""
        return f"{self.method}{head}{control}-{self.dataset}-s{self.seed}-{self.digest[:10]}"


@dataclass(frozen=True)
class Task:
    """The parts of a dataset that decide a cell; ``TaskInfo`` is the longer description in a record.

    ``semantics`` is the name before any shuffling, because presets go by it; ``id`` is ``Dataset.task_id``.
    """

    dataset: str
    semantics: str
    id: str
    validation: str | None = None


@dataclass(frozen=True)
class TaskInfo:
    """The task of a record; None: not known.

    Attributes:
        id: ``Dataset.task_id``. Numbers of different ids are never compared.
        semantics: Name of the semantics, with the seed of a shuffling.
        split_fingerprint: sha256 of the split.
        content: sha256 of features, labels and semantics.
        extractor: What computed the features, if gzslbench extracted them.
        semantics_content: ``Dataset.semantics_content``.
        class_names: The candidates' names, in the order of their labels.
        files: sha256 of each data file, by name.
        provenance: How gzslbench made the semantics, if it did.
        pretraining: What the network behind the features learned from, as ``Dataset.pretraining``.
    """

    id: str
    dataset: str
    features: str
    semantics: str
    split: str | None = None
    split_fingerprint: str | None = None
    content: str | None = None
    feature_dimension: int | None = None
    extractor: str | None = None
    semantics_content: str | None = None
    counts: Mapping[str, int] | None = None
    seen_classes: int | None = None
    unseen_classes: int | None = None
    class_names: Sequence[str] | None = None
    files: Mapping[str, str] | None = None
    notes: Sequence[str] | None = None
    provenance: Mapping[str, Any] | None = None
    pretraining: str | None = None


def describe_task(dataset: Dataset) -> TaskInfo:
    """Describe the task of ``dataset`` for a record."""
    extractor = dataset.extraction.get("extractor")
    candidates = sorted({*dataset.seen_classes.tolist(), *dataset.unseen_classes.tolist()})
    return TaskInfo(
        id=dataset.task_id,
        dataset=dataset.name,
        features=dataset.features_name,
        semantics=dataset.semantics_name,
        split=dataset.split.name,
        split_fingerprint=dataset.split.fingerprint,
        content=dataset.content,
        feature_dimension=dataset.features.shape[-1],
        extractor=None if extractor is None else str(extractor),
        semantics_content=dataset.semantics_content,
        counts=dataset.split.counts,
        seen_classes=len(dataset.seen_classes),
        unseen_classes=len(dataset.unseen_classes),
        class_names=[dataset.class_names[i] for i in candidates],
        files=dict(dataset.files),
        notes=list(dataset.notes),
        provenance=dict(dataset.provenance) if dataset.provenance else None,
        pretraining=dataset.pretraining,
    )
