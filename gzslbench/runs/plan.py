"""Plan a run: from what the user asks for to the cells that will run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gzslbench.errors import DataError, ParamError, PluginError
from gzslbench.plugins.head import SOFTMAX, HeadSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, build, fields_of, parse_assignments
from gzslbench.plugins.presets import Preset, preset
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import Setting
from gzslbench.runs.cell import CONTROLS, EXTERNAL_PREFIX, Cell, Task
from gzslbench.runs.record import SELECTIONS

if TYPE_CHECKING:
    import torch

    from gzslbench.data.dataset import Dataset

EPOCHS_RULE = "epochs_rule"
"""The parameter by which a method can ask for early stopping; its values are fixed and early-stopping."""


@dataclass(frozen=True)
class Request:
    """The options of ``gzslbench run``, by the same names."""

    method: str
    dataset: str
    features: str | None = None
    semantics: str | None = None
    data: Path | None = None
    seeds: tuple[int, ...] = ()
    settings: tuple[str, ...] = ()
    head: str | None = None
    head_settings: tuple[str, ...] = ()
    epochs: int | None = None
    eval_every: int = 0
    eval_repeats: int = 1
    select: str = "last"
    calibrate: str = "none"
    preprocessing: str | None = None
    device: str = "auto"
    precision: str = "fp32"
    deterministic: bool = False
    shuffle_semantics: int | None = None
    preset: Path | None = None
    control: str | None = None
    validation_features: str | None = None

    def __post_init__(self) -> None:
        """Write the control ``shuffled`` as a seed of ``shuffle_semantics``."""
        if self.control == "shuffled":
            object.__setattr__(self, "control", None)
            if self.shuffle_semantics is None:
                object.__setattr__(self, "shuffle_semantics", 1)

    def for_a_worker(self) -> dict[str, Any]:
        """Return it in JSON types for a process in another folder, whose only GPU has no number."""
        if plugins().method(self.method).code:
            what = f"{self.method} is a class in no package, which other processes cannot import"
            raise PluginError(what, fix="run it in this process, or package it: gzslbench new plugin")
        there = replace(self, device=self.device.partition(":")[0])
        text = msgspec.json.encode(there, enc_hook=lambda path: str(path.resolve()))
        values: dict[str, Any] = msgspec.json.decode(text)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Request:
        """Read what ``for_a_worker`` returned."""
        return msgspec.convert(values, cls, dec_hook=lambda kind, text: kind(text))


@dataclass(frozen=True)
class DatasetHandle:
    """A dataset for other processes, read when it is pickled, so that the sender keeps none in memory."""

    dataset: str
    features: str | None
    semantics: str | None
    data: Path | None

    @classmethod
    def of(cls, request: Request) -> DatasetHandle:
        """Return the handle of the request's dataset, before its semantics are shuffled."""
        return cls(request.dataset, request.features, request.semantics, request.data)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the dataset, its features as an array that need not be copied."""
        import numpy as np

        from gzslbench.data.load import load_dataset

        dataset = load_dataset(self.dataset, self.features, self.semantics, self.data)
        return _return_dataset, (replace(dataset, features=np.asarray(dataset.features)),)


def _return_dataset(dataset: Dataset) -> Dataset:
    return dataset


@dataclass(frozen=True)
class HeadPlan:
    """A head with its parameters."""

    spec: HeadSpec
    params: Params
    preset: Preset


@dataclass(frozen=True)
class Resolved:
    """Cells of one method and task, one per seed; ``head`` is None for the softmax head."""

    spec: MethodSpec
    params: Params
    preset: Preset
    cells: Sequence[Cell]
    device: str
    head: HeadPlan | None = None

    @property
    def head_setting(self) -> Setting:
        """Return what the head sees while it is fitted."""
        return "inductive" if self.head is None else self.head.spec.setting


@dataclass(frozen=True)
class Plan(Resolved):
    """Resolved cells with the dataset in memory: everything that a run needs.

    ``validation`` is the dataset whose validation splits choose; None: ``dataset``.
    """

    dataset: Dataset = field(kw_only=True)
    validation: Dataset | None = None


@dataclass(frozen=True)
class ParsedRequest:
    """A request after the checks that need no data; ``settings`` are the user's parameters by name."""

    request: Request
    spec: MethodSpec
    device: torch.device
    settings: Mapping[str, Any]


def make_plan(request: Request, carried: Dataset | None = None, tuned: Dataset | None = None) -> Plan:
    """Resolve names, presets, settings and device, and read the data; nothing is trained or written.

    ``carried`` is the dataset if it is in memory, ``tuned`` the same with the features for validation.
    """
    if request.method.startswith(EXTERNAL_PREFIX) and request.method not in plugins().methods():
        what = f"{request.method} names an external result: results of other programs cannot be run"
        raise ParamError(what, where="--method", fix="choose a method that `gzslbench methods` lists")
    parsed = parse_request(request)  # before the data are read, which may take long
    dataset, task, validation = read_task(parsed, carried, tuned)
    return Plan(**vars(resolve(parsed, task)), dataset=dataset, validation=validation)


def read_task(
    parsed: ParsedRequest, carried: Dataset | None = None, tuned: Dataset | None = None
) -> tuple[Dataset, Task, Dataset | None]:
    """Return the dataset of a request, its task, and ``Plan.validation``; arguments as for ``make_plan``."""
    from gzslbench.data.attributes import SEPARATOR
    from gzslbench.data.load import load_dataset
    from gzslbench.data.validation import join_fingerprints, validation_dataset, validation_datasets
    from gzslbench.data.variants import shuffle_semantics, take_features

    request = parsed.request
    dataset = carried or load_dataset(request.dataset, request.features, request.semantics, request.data)
    semantics, _, _ = dataset.semantics_name.partition(SEPARATOR)
    if request.shuffle_semantics is not None:
        dataset = shuffle_semantics(dataset, request.shuffle_semantics)
    name, needed = request.validation_features, needs_validation(parsed, dataset.name, semantics)
    validation = fingerprint = None
    if name is not None:
        if not needed:
            fix = "add --select val or --calibrate val, or leave it out"
            raise ParamError("nothing is validated", where=f"--validation-features {name}", fix=fix)
        tuned = tuned or load_dataset(request.dataset, name, request.semantics, request.data)
        validation = fit_to_method(take_features(dataset, tuned), parsed.spec, request.control)
    dataset = fit_to_method(dataset, parsed.spec, request.control)
    if needed:
        source = validation or dataset
        fingerprint = join_fingerprints(
            validation_datasets(source) if calibrates_apart(request) else [validation_dataset(source)]
        )
        if validation is not None:
            fingerprint = sha256(f"{fingerprint} {validation.content}".encode()).hexdigest()
    return dataset, Task(dataset.name, semantics, dataset.task_id, fingerprint), validation


def fit_to_method(dataset: Dataset, spec: MethodSpec, control: str | None) -> Dataset:
    """Return what a method reads of a dataset: its regions instead of global features, if it works on them.

    Raises:
        DataError: The dataset lacks regions, or vectors of attributes, or has features and semantics of two
            models for a method that compares them.
        PluginError: The method says that it synthesizes regions.
    """
    from gzslbench.data.attributes import use_attributes
    from gzslbench.data.regions import use_regions
    from gzslbench.evaluation.controls import uses_method

    if not uses_method(control, spec.kind):
        return dataset
    if spec.attributes:
        dataset = use_attributes(dataset, spec.name)
    widths = dataset.features.shape[-1], dataset.semantics.shape[1]
    if spec.shared_space and widths[0] != widths[1]:
        what = f"{spec.name} compares features with semantics, which have {widths[0]} and {widths[1]} numbers"
        where = f"features {dataset.features_name!r}, semantics {dataset.semantics_name!r}"
        fix = "make both with one image-text model: `gzslbench extract`, and `gzslbench data semantics`"
        raise DataError(what, where=where, fix=fix)
    if spec.features == "global":
        return dataset
    if spec.kind == "generative":
        what = f"{spec.name} says that it synthesizes regions, which no head takes"
        raise PluginError(what, where="MethodSpec.features", fix='write features="global"')
    return use_regions(dataset, spec.name)


def needs_validation(parsed: ParsedRequest, dataset: str, semantics: str) -> bool:
    """Return whether validation classes decide epochs or gamma, by the request or by the preset's rule."""
    if _validates(parsed.request):
        return True
    if not hasattr(parsed.spec.params, EPOCHS_RULE):  # then its preset is read only once
        return False
    values = preset(parsed.spec, dataset, semantics, parsed.request.preset).values
    return {**values, **parsed.settings}.get(EPOCHS_RULE) == "early-stopping"


def _validates(request: Request) -> bool:
    return request.select == "val" or request.calibrate == "val"


def calibrates_apart(settings: Request | Cell) -> bool:
    """Return whether gamma is chosen in trainings of its own, one for each validation split.

    With ``--select val`` the training that chooses the epochs chooses gamma as well, on its one split.
    """
    return settings.calibrate == "val" and settings.select == "last"


def parse_request(request: Request) -> ParsedRequest:
    """Find and check what needs no data: method, device, precision, selection rule, settings."""
    from gzslbench.computing.device import check_precision, resolve_device

    spec = plugins().method(request.method)
    device = resolve_device(request.device)
    check_precision(request.precision, device)
    if request.select not in SELECTIONS:
        fix = f"choose one of {SELECTIONS}"
        raise ParamError(f"no selection rule {request.select!r}", where="--select", fix=fix)
    if request.calibrate not in ("none", "val"):
        what = f"gamma cannot be chosen by {request.calibrate!r}"
        raise ParamError(what, where="--calibrate", fix="choose none or val")
    if request.control not in (None, *CONTROLS):
        fix = f"choose one of {CONTROLS}"
        raise ParamError(f"no control {request.control!r}", where="--control", fix=fix)
    if request.eval_repeats < 1:
        what = f"the model cannot be evaluated {request.eval_repeats} times"
        raise ParamError(what, where="--eval-repeats", fix="give 1 or more")
    if request.epochs is not None and "epochs" not in {info.name for info in fields_of(spec.params)}:
        what = f"{spec.name} is a closed form: it has no epochs"
        raise ParamError(what, where="--epochs", fix="leave it out")
    epochs = () if request.epochs is None else (f"epochs={request.epochs}",)
    settings = parse_assignments(spec.params, (*request.settings, *epochs))
    return ParsedRequest(request, spec, device, settings)


def resolve(parsed: ParsedRequest, task: Task) -> Resolved:
    """Return the cells of a request on a task; no data are read."""
    request, spec = parsed.request, parsed.spec
    chosen = preset(spec, task.dataset, task.semantics, request.preset)
    head = _plan_head(request, spec, task)
    params = build(spec.params, chosen.values, chosen.places, checked=parsed.settings)
    has_head = spec.kind == "generative" or request.control == "oracle"
    head_fields: dict[str, Any] = {"head": SOFTMAX if has_head else None}
    if head is not None:
        head_fields = {"head": head.spec.name, "head_version": head.spec.version}
        head_fields["head_params"] = head.params.as_dict()
    cell = Cell(
        method=spec.name,
        method_version=spec.version,
        dataset=task.dataset,
        task=task.id,
        preprocessing=request.preprocessing or spec.preprocessing,
        params=params.as_dict(),
        seed=0,
        **head_fields,
        select=request.select,
        calibrate=request.calibrate,
        validation=task.validation if _validates(request) or stops_early(params) else None,
        eval_every=request.eval_every,
        # Scores of a method without a head do not depend on random numbers.
        eval_repeats=request.eval_repeats if spec.kind == "generative" or spec.setting == "evolving" else 1,
        device=parsed.device.type,
        precision=request.precision,
        deterministic=request.deterministic,
        control=request.control,
        code=spec.code or None,
        validation_features=request.validation_features,
    )
    cells = [replace(cell, seed=seed) for seed in request.seeds or (0,)]
    return Resolved(spec, params, chosen, cells, str(parsed.device), head)


def stops_early(params: Params) -> bool:
    """Return whether a method's parameters ask for early stopping on validation classes."""
    return getattr(params, EPOCHS_RULE, "fixed") == "early-stopping"


def _plan_head(request: Request, spec: MethodSpec, task: Task) -> HeadPlan | None:
    name = request.head
    if name in (None, SOFTMAX):
        if request.head_settings:
            fix = "set the method's with --set, or name another head with --head"
            raise ParamError("the softmax head has no parameters of its own", where="--head-set", fix=fix)
        if name is None or spec.kind == "generative":
            return None
    if spec.kind != "generative":
        fix = "leave out --head, or choose a generative method (see `gzslbench methods`)"
        raise ParamError(f"{spec.name} scores the classes itself and takes no head", where="--head", fix=fix)
    head = plugins().head(str(name))
    chosen = preset(head, task.dataset, task.semantics)
    settings = parse_assignments(head.params, request.head_settings, "--head-set")
    return HeadPlan(head, build(head.params, chosen.values, chosen.places, checked=settings), chosen)
