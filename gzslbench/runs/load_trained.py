"""Opening the trained model of a finished run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gzslbench.data.dataset import Dataset
from gzslbench.data.load import load_dataset
from gzslbench.data.variants import SHUFFLED, shuffle_semantics
from gzslbench.data.views import EvalView, make_views
from gzslbench.errors import CheckpointError, DataError, PluginError, StoreError
from gzslbench.plugins.inputs import TrainView
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, build
from gzslbench.plugins.registry import plugins
from gzslbench.runs.cell import Cell
from gzslbench.runs.execute import with_epochs
from gzslbench.runs.fit import checkpoint_owner
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder
from gzslbench.training.checkpoint import load_checkpoint
from gzslbench.training.trainer import build_method

_SHUFFLED = re.compile(rf"(.+){SHUFFLED}(\d+)")
_REPEAT = "repeat the run with --rerun"


@dataclass(frozen=True)
class Trained:
    """A model as its training left it, in evaluation mode.

    Attributes:
        dataset: What it was trained on.
        method: The method with its trained networks.
        train: The view it was trained on.
        test: The view it was evaluated on.
    """

    dataset: Dataset
    method: Any
    train: TrainView
    test: EvalView


def open_trained(
    record: Record, folder: RunFolder, *, data: Path | None = None, device: torch.device | str = "cpu"
) -> Trained:
    """Load the dataset of a run and its networks from the checkpoint of its final leg.

    Args:
        record: Of a run that is complete.
        folder: Where it lies.
        data: Folder of the datasets; None takes $GZSLBENCH_DATA, then ./data.
        device: Where the model and the views are put.

    Raises:
        StoreError: The run diverged, or its settings are none that this version knows.
        PluginError: The method is not installed, or in another version.
        DataError: The dataset is not there, or is not the one of the run.
        CheckpointError: The checkpoint is missing, damaged, or of another run.
    """
    cell = _cell(record, folder)
    spec = _spec(cell)
    params, head_epochs = _settled(spec, cell, record)
    path = folder.checkpoint_file("final")
    if not path.exists():
        raise CheckpointError("there is no checkpoint of the trained model", where=path, fix=_REPEAT)
    state = load_checkpoint(path, checkpoint_owner(cell, "final", params, head_epochs), device)
    dataset = _dataset(record, data)
    train, test = make_views(dataset, cell.preprocessing, device, spec.setting)
    method = build_method(spec, train, params, cell.seed)
    try:
        method.modules.load_state_dict(state["trainer"]["modules"])
    except (RuntimeError, KeyError) as error:
        raise CheckpointError(
            f"the checkpoint does not fit the networks of {spec.name}: {error}", where=path, fix=_REPEAT
        ) from error
    method.modules.eval()
    return Trained(dataset, method, train, test)


def _cell(record: Record, folder: RunFolder) -> Cell:
    """The run's settings, which must be those that its id stands for."""
    if record.status != "complete":
        raise StoreError(f"run {record.id} {record.status}: it has no trained model", where=folder.path)
    cell = record.cell
    if cell.id != record.id:
        raise StoreError(
            f"the record's settings are those of run {cell.id}", where=folder.record_file, fix=_REPEAT
        )
    return cell


def _spec(cell: Cell) -> MethodSpec:
    spec = plugins().method(cell.method)
    if spec.version != cell.method_version:
        raise PluginError(
            f"the run is by version {cell.method_version} of {spec.name}, and {spec.version} is installed",
            fix=_REPEAT,
        )
    return spec


def _settled(spec: MethodSpec, cell: Cell, record: Record) -> tuple[Params, int | None]:
    """The final leg's parameters and its head's epochs, as a choice on validation classes settled them."""
    params = build(spec.params, cell.params, f"record {record.id}")
    if record.validation is None:
        return params, None
    return with_epochs(params, record.validation.epoch), record.validation.head_epoch


def _dataset(record: Record, data: Path | None) -> Dataset:
    """The dataset, once it is sure that it is the one of the run."""
    task = record.task
    shuffled = _SHUFFLED.fullmatch(task.semantics)
    semantics = shuffled[1] if shuffled else task.semantics
    dataset = load_dataset(task.dataset, task.features, semantics, data)
    if shuffled:
        dataset = shuffle_semantics(dataset, int(shuffled[2]))
    for what, there, kept in (
        ("split", dataset.split.fingerprint, str(task.split_fingerprint)),
        ("features, labels or semantics", dataset.content, str(task.content)),
    ):
        if there != kept:
            raise DataError(
                f"{dataset.name} is not as it was when the run was made: other {what}",
                where=f"fingerprint {there[:8]} against {kept[:8]} in the record",
                fix="put back the files whose sha256 the record has, or repeat the run with --rerun",
            )
    return dataset
