"""Load the trained model of a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gzslbench.data.dataset import Dataset
from gzslbench.data.load import load_dataset
from gzslbench.data.variants import SHUFFLED, shuffle_semantics
from gzslbench.data.views import EvalView, make_views
from gzslbench.errors import CheckpointError, DataError, PluginError, StoreError
from gzslbench.evaluation.controls import uses_method
from gzslbench.evaluation.softmax_head import SoftmaxFit
from gzslbench.plugins.head import SOFTMAX, Head
from gzslbench.plugins.inputs import TrainView
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.plugins.spec import Setting
from gzslbench.runs.execute import with_epochs
from gzslbench.runs.fit import checkpoint_owner
from gzslbench.runs.plan import fit_to_method
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder
from gzslbench.training.checkpoint import load_checkpoint, restoring
from gzslbench.training.trainer import build_method, load_class

_REPEAT = "repeat the run with --rerun"


@dataclass(frozen=True)
class Trained:
    """A model as its training left it, in evaluation mode."""

    dataset: Dataset
    method: Any
    train: TrainView
    test: EvalView


def open_trained(
    record: Record, folder: RunFolder, *, data: Path | None = None, device: torch.device | str = "cpu"
) -> Trained:
    """Load the dataset of a complete run, and its networks from the checkpoint of its final fit."""
    cell = record.cell
    if cell.external is not None:
        what = f"{record.id} is an external result: it has no trained model"
        fix = "name a run that was made here; `gzslbench runs list` marks the external ones"
        raise StoreError(what, where=record.id, fix=fix)
    if record.status != "complete":
        raise StoreError(f"run {record.id} {record.status}: it has no trained model", where=folder.path)
    if cell.id != record.id:
        what = f"the record's settings are those of run {cell.id}"
        raise StoreError(what, where=folder.record_file, fix=_REPEAT)
    registered = plugins().unpackaged.get(cell.method)
    if cell.code is not None and cell.code != getattr(registered, "code", None):
        what = f"run {record.id} is of a class in no package, whose code is not registered in this process"
        fix = "give the same class to gzslbench.register first; its code is in that file"
        raise PluginError(what, where=folder.code_file, fix=fix)
    spec = plugins().method(cell.method)
    if not uses_method(cell.control, spec.kind):
        raise StoreError(f"the control {cell.control} has no trained model", where=folder.path)
    if spec.version != cell.method_version:
        what = f"the run is by version {cell.method_version} of {spec.name}, and {spec.version} is installed"
        raise PluginError(what, fix=_REPEAT)
    params, head_epochs = build(spec.params, cell.params, f"record {record.id}"), None
    if record.validation is not None:
        params = with_epochs(params, record.validation.epoch)
        head_epochs = record.validation.head_epoch if cell.select == "val" else None
    path = folder.checkpoint_file("final")
    if not path.exists():
        raise CheckpointError("there is no checkpoint of the trained model", where=path, fix=_REPEAT)
    state = load_checkpoint(path, checkpoint_owner(cell, "final", params, head_epochs), device)
    dataset = _dataset(record, data, spec)
    train, test = make_views(dataset, cell.preprocessing, device, spec.setting)
    method = build_method(spec, train, params, cell.seed)
    with restoring(path):
        method.modules.load_state_dict(state["trainer"]["modules"])
    method.modules.eval()
    return Trained(dataset, method, train, test)


def open_head(record: Record) -> tuple[Head, Setting]:
    """Return the head of a run of a generative method, not fitted, and what it sees while it is fitted."""
    if record.cell.head == SOFTMAX:
        return SoftmaxFit(), "inductive"
    spec = plugins().head(str(record.cell.head))
    params = build(spec.params, record.cell.head_params, f"record {record.id}")
    return load_class(spec)(params), spec.setting


def _dataset(record: Record, data: Path | None, spec: MethodSpec) -> Dataset:
    """Load the dataset, and check that it is the one of the run."""
    task = record.task
    semantics, _, shuffle_seed = task.semantics.partition(SHUFFLED)
    dataset = load_dataset(task.dataset, task.features, semantics, data)
    if shuffle_seed:
        dataset = shuffle_semantics(dataset, int(shuffle_seed))
    dataset = fit_to_method(dataset, spec, record.cell.control)
    for what, there, kept in (
        ("split", dataset.split.fingerprint, str(task.split_fingerprint)),
        ("features, labels or semantics", dataset.content, str(task.content)),
    ):
        if there != kept:
            where = f"fingerprint {there[:8]} against {kept[:8]} in the record"
            fix = "put back the files whose sha256 the record has, or repeat the run with --rerun"
            raise DataError(f"{dataset.name} has changed since the run: other {what}", where=where, fix=fix)
    return dataset
