"""Run a cell: train, evaluate, select, and write the record."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import datetime, timezone
from statistics import fmean
from typing import Any

import msgspec
import torch

from gzslbench.computing.device import environment, plain_torch
from gzslbench.computing.instrumentation import collect_backends
from gzslbench.computing.memory import memory_of_a_run, peak_memory, reset_peak_memory
from gzslbench.data.dataset import Dataset, finetuning_note
from gzslbench.data.validation import validation_dataset, validation_datasets
from gzslbench.errors import DivergedError, PluginError, StoreError
from gzslbench.evaluation.calibration import (
    bias_of,
    calibrate,
    calibrated_metrics,
    finite_gamma,
    transfer_gamma,
)
from gzslbench.evaluation.controls import CONTROL_NOTES
from gzslbench.evaluation.metrics import Metrics
from gzslbench.evaluation.predictions import save_predictions
from gzslbench.evaluation.selection import DEFAULT_TRANSFER, PEEKS, SelectedEpoch, select
from gzslbench.files import reading, write_atomically
from gzslbench.plugins.params import Params, build
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import widest
from gzslbench.plugins.unpackaged import CODE
from gzslbench.runs.cell import Cell, describe_task
from gzslbench.runs.fit import Fit, FitRun, Outcome, Seconds
from gzslbench.runs.plan import Plan, calibrates_apart, stops_early
from gzslbench.runs.profile import Profile
from gzslbench.runs.progress import LogFile, Progress
from gzslbench.runs.record import (
    CALIBRATED,
    EPOCHS,
    PEEK_GAMMA,
    PERCENTAGES,
    Calibration,
    Failure,
    PresetInfo,
    Record,
    RunInfo,
    RunMetrics,
    Transferred,
    ValidationChoice,
    ValidationSplit,
)
from gzslbench.runs.store import RunFolder, Store
from gzslbench.runs.tracking import resolve_trackers, track_run
from gzslbench.training.interruption import Interruption, catch_interruption

PATIENCE_EPOCHS = 10
"""Epochs without a higher T1 after which early stopping ends."""


@dataclass(frozen=True)
class Options:
    """How to run; none of it changes a number.

    Attributes:
        resume: Continue from the checkpoint of an interrupted run, if there is one.
        rerun: Run again what is finished or interrupted, from the beginning.
        checkpoint_every: Epochs between checkpoints; 0 saves on interruption and at the end only.
        profile: Traces a window of one run; None: no trace.
        graphs: Whether a CUDA device replays captured steps.
        track: Names of the trackers to report to, in addition to those of GZSLBENCH_TRACK.
    """

    resume: bool = False
    rerun: bool = False
    checkpoint_every: int = 10
    profile: Profile | None = None
    graphs: bool = True
    track: tuple[str, ...] = ()


def run_cell(
    plan: Plan, cell: Cell, store: Store, options: Options | None = None, progress: Progress | None = None
) -> tuple[Record, RunFolder]:
    """Return the record of ``cell``: from the store if the cell is finished, else by running it."""
    options = options or Options()
    trackers = resolve_trackers(options.track)
    store.make()
    folder = store.run(cell.id)
    with folder.lock():
        finished = None if options.rerun else folder.record()
        if finished is not None:
            folder.drop_previous()  # a kill came between the new record and this step
            return finished, folder
        with _earlier_run_kept(folder, options), track_run(trackers, cell.id, folder, plan.device):
            reset_peak_memory(torch.device(plan.device))
            memory = memory_of_a_run(plan.device)
            profile = options.profile or nullcontext()
            with catch_interruption() as stop, memory, profile, collect_backends() as backends, plain_torch():
                watcher = LogFile(progress or Progress(), folder.log_file)
                record = execute(plan, cell, folder, options, watcher, stop, backends)
            # The record comes last, after predictions and checkpoint: a folder with a record is complete.
            folder.write_record(record)
            folder.drop_previous()
            plugins().notify("gzslbench_run_end", record=record)
    if stop.requested:  # after the last step of this run, but before the next run
        raise KeyboardInterrupt
    return record, folder


@contextmanager
def _earlier_run_kept(folder: RunFolder, options: Options) -> Iterator[None]:
    """Set the earlier run aside for ``--rerun``; put it back if the new one fails in its first epoch."""
    if folder.has_checkpoint() and not (options.resume or options.rerun):
        fix = "continue it with --resume, or start again with --rerun"
        raise StoreError("an interrupted run of the same cell exists", where=folder.path, fix=fix)
    if options.rerun:
        folder.set_aside()
    try:
        yield
    except BaseException:
        if options.rerun:
            with suppress(StoreError):  # the error of the run is the one to report
                folder.restore()
        raise


def execute(
    plan: Plan,
    cell: Cell,
    folder: RunFolder,
    options: Options,
    progress: Progress,
    stop: Interruption,
    backends: Mapping[str, str],
) -> Record:
    """Train and evaluate ``cell``, and return its record; ``backends`` is read at the end."""
    if cell.code is not None:
        write_atomically(folder.code_file, CODE[cell.code].encode())
    plugins().notify("gzslbench_run_start", run=cell)
    started = datetime.now(timezone.utc)
    device = torch.device(plan.device)
    fit = Fit(
        name="final",
        plan=plan,
        cell=cell,
        params=plan.params,
        dataset=plan.dataset,
        eval_every=cell.eval_every,
        options=options,
        folder=folder,
        progress=progress,
        stop=stop,
    )
    numbers: dict[str, Any]
    try:
        if cell.select == "val":
            numbers = _fit_with_validation(fit)
        elif stops_early(plan.params):
            numbers = _fit_early_stopped(fit)
        else:
            numbers = _fit_once(fit)
    except DivergedError as error:
        failure = Failure(error.term, error.stage, error.epoch)
        numbers = {"status": "diverged", "metrics": {}, "failure": failure}
    run = RunInfo(
        started=started.isoformat(timespec="seconds"),
        seconds_train=sum(seconds.train for seconds in fit.spent),
        seconds_evaluate=sum(seconds.evaluate for seconds in fit.spent),
        preset=PresetInfo(plan.preset.table, plan.preset.source),
        peak_memory_bytes=peak_memory(device),
        computed=dict(backends),
        command=sys.argv,
        extraction=dict(plan.dataset.extraction) or None,
        provenance=dict(plan.dataset.provenance) or None,
        **environment(device),
    )
    task = describe_task(plan.dataset)
    notes = [f"control: {CONTROL_NOTES[cell.control]}"] if cell.control else []
    if cell.validation is not None:
        notes += filter(None, [finetuning_note(validation_dataset(plan.validation or plan.dataset).notes)])
    record = Record(
        id=cell.id,
        cell=cell,
        task=replace(task, notes=[*(task.notes or ()), *notes]),
        setting=widest(plan.spec.setting, plan.head_setting),
        selection="val" if cell.select == "val" else "last",
        run=run,
        **numbers,
    )
    return record.as_read()


def _fit_once(fit: Fit) -> dict[str, Any]:
    """Train, and select the last epoch; also keep the selections of the rules that use the test set."""
    splits = _choose_gammas(fit) if calibrates_apart(fit.cell) else []
    outcome = FitRun(fit).run()
    chosen = {rule: select(rule, outcome.history) for rule in ("last", *PEEKS)}
    for number in range(len(splits)):  # a resumed run needed their checkpoints until now
        fit.folder.checkpoint_file(_calibration_fit(number)).unlink(missing_ok=True)
    return _numbers(fit, outcome, chosen, splits)


def _fit_with_validation(fit: Fit) -> dict[str, Any]:
    """Choose the epochs on the validation split, train again on all of trainval, and test once."""
    choice = _choose_epochs(fit, "H")
    params = with_epochs(fit.params, choice.epoch)
    final = replace(fit, params=params, eval_every=0, head_epochs=choice.head_epoch)
    outcome = FitRun(final).run()
    split = ValidationSplit(**{field.name: getattr(choice, field.name) for field in fields(ValidationSplit)})
    numbers = _numbers(fit, outcome, {"val": select("last", outcome.history)}, [split])
    return {**numbers, "validation": choice}


def _fit_early_stopped(fit: Fit) -> dict[str, Any]:
    """Find the number of epochs by early stopping on validation classes, then train so many on trainval.

    This is the rule of the reimplementation that the presets of ALE, DeViSE and SJE come from
    (github.com/mvp18/Popular-ZSL-Algorithms): the highest T1, at most ``epochs``, patience 10.
    """
    stopped = replace(fit, eval_every=1, patience=PATIENCE_EPOCHS)
    choice = _choose_epochs(stopped, "T1")
    numbers = _fit_once(replace(fit, params=with_epochs(fit.params, choice.epoch)))
    return {**numbers, "validation": choice}


def _choose_epochs(fit: Fit, metric: str) -> ValidationChoice:
    """Choose the epochs of the highest metric on the validation split; a resumed run keeps its choice."""
    if (stored := read_choice(fit.folder)) is not None:
        choice, seconds = stored
        fit.spent.append(seconds)
        return choice
    dataset = validation_dataset(fit.plan.validation or fit.dataset)
    outcome = FitRun(replace(fit, name="validation", dataset=dataset)).run()
    # The "test" rows are those of the validation split.
    best = select("test-peek", outcome.history, metric)
    described = _describe_split(dataset)
    choices = sum(len(evaluated.trace) for evaluated in outcome.history)
    if choices > 1 and getattr(best.metrics, metric) == 0:
        note = f"{metric} is 0 at every evaluation on the validation classes: they cannot choose the epochs"
        warnings.warn(f"{note}; epoch {best.epoch} is taken", stacklevel=2)
        described["notes"] = [*described["notes"], note]
    choice = ValidationChoice(**_plain(best), **described, calibration=best.gamma)
    text = json.dumps({**asdict(choice), "seconds": astuple(fit.spent[-1])}, indent=1)
    write_atomically(fit.folder.choice_file, text)
    return choice


def _choose_gammas(fit: Fit) -> list[ValidationSplit]:
    """Train on each validation split with the epochs of the final training, and choose gamma at the end."""
    splits = []
    for number, dataset in enumerate(validation_datasets(fit.plan.validation or fit.dataset)):
        part = replace(fit, name=_calibration_fit(number), dataset=dataset, eval_every=0)
        outcome = FitRun(part).run()
        gamma = outcome.history[-1].gammas[-1]
        splits.append(ValidationSplit(**_describe_split(dataset), calibration=gamma))
    return splits


def _calibration_fit(number: int) -> str:
    return f"calibration-{number + 1}"


def _describe_split(dataset: Dataset) -> dict[str, Any]:
    return {"task": dataset.task_id, "counts": dataset.split.counts, "notes": list(dataset.notes)}


def with_epochs(params: Params, epochs: int) -> Params:
    """Return ``params`` with the chosen number of epochs; 0 changes nothing."""
    values = params.as_dict()
    if epochs and "epochs" not in values:
        where = f"{type(params).__name__} has no parameter 'epochs'"
        fix = "give it one that its last stage counts by, or use --select last"
        raise PluginError("the method's epochs cannot be chosen", where=where, fix=fix)
    return build(type(params), {**values, "epochs": epochs}, "--select val") if epochs else params


def _numbers(
    fit: Fit, outcome: Outcome, chosen: Mapping[str, SelectedEpoch], splits: Sequence[ValidationSplit]
) -> dict[str, Any]:
    """Write the predictions, and return the fields of the record that hold the results."""
    rule, first = ("val" if "val" in chosen else "last"), outcome.evaluations[0]
    save_predictions(fit.folder.predictions_file, first.predictions)
    metrics = {name: RunMetrics(**_plain(choice)) for name, choice in chosen.items()}
    epochs = {name: getattr(metrics[rule], name) for name in EPOCHS}
    evaluated = [evaluation.trace[-1] for evaluation in outcome.evaluations]
    metrics[rule] = _average(evaluated, **epochs, **bias_of(first.predictions)._asdict())
    gammas = [finite_gamma(one.best[-1]) for one in outcome.evaluations]  # of curves on test rows: peeks
    peeked = [
        calibrated_metrics(one.trace[-1], one.predictions, gamma)
        for one, gamma in zip(outcome.evaluations, gammas, strict=True)
    ]
    bias = bias_of(calibrate(first.predictions, gammas[0]))
    metrics[PEEK_GAMMA] = _average(peeked, **epochs, gamma=gammas[0], **bias._asdict())
    numbers = {"status": "complete", "parameters": outcome.parameters, "metrics": metrics}
    if len(evaluated) > 1:
        numbers["repeats"] = evaluated
    if fit.cell.calibrate != "none":
        numbers["calibration"], metrics[rule + CALIBRATED] = _calibrate(outcome, splits, epochs)
    return numbers


def _calibrate(
    outcome: Outcome, splits: Sequence[ValidationSplit], epochs: Mapping[str, int]
) -> tuple[Calibration, RunMetrics]:
    """Return how gamma was chosen, and the metrics with it: no test row has a part in gamma."""
    choices = [split.calibration for split in splits if split.calibration is not None]
    transferred = []  # by evaluation and way of passing gamma on: gamma, and the metrics with it
    for evaluation in outcome.evaluations:
        gammas = transfer_gamma(choices, evaluation.training_gaps[-1])
        transferred.append(
            {
                name: (gamma, calibrated_metrics(evaluation.trace[-1], evaluation.predictions, gamma))
                for name, gamma in gammas.items()
            }
        )
    gamma, _ = transferred[0][DEFAULT_TRANSFER]
    bias = bias_of(calibrate(outcome.evaluations[0].predictions, gamma))
    reported = [found[DEFAULT_TRANSFER][1] for found in transferred]
    calibration = Calibration(
        transfer=DEFAULT_TRANSFER,
        splits=splits,
        transfers={name: Transferred(gamma, found.H) for name, (gamma, found) in transferred[0].items()},
        repeats=reported if len(reported) > 1 else None,
    )
    return calibration, _average(reported, **epochs, gamma=gamma, **bias._asdict())


def _average(evaluated: Sequence[Metrics], **others: Any) -> RunMetrics:
    """Return the means of the final evaluations; a single one stays as it is."""
    if len(evaluated) == 1:
        return RunMetrics(**{**evaluated[0].as_dict(), **others})
    means = {name: fmean(getattr(one, name) for one in evaluated) for name in PERCENTAGES}
    return RunMetrics(**{**means, **others})


def _plain(chosen: SelectedEpoch) -> dict[str, Any]:
    return {**chosen.metrics.as_dict(), "epoch": chosen.epoch, "head_epoch": chosen.head_epoch}


def read_choice(folder: RunFolder) -> tuple[ValidationChoice, Seconds] | None:
    """Return the choice of an interrupted run, and its seconds; None if it has not chosen yet."""
    path = folder.choice_file
    if not path.exists():
        return None
    try:
        with reading(path, StoreError, "the choice of epochs cannot be read"):
            values = json.loads(path.read_bytes())
        return msgspec.convert(values, ValidationChoice), Seconds(*values["seconds"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"the choice of epochs is damaged: {error}"
        raise StoreError(what, where=path, fix="start again with --rerun") from error
