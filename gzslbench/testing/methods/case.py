"""A method under check: built, trained and evaluated on made data, with networks small enough to be quick."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gzslbench.data.dataset import Dataset
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.data.views import EvalView, make_views
from gzslbench.evaluation.evaluator import Evaluation, Evaluator
from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.inputs import TrainView
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, build, fields_of
from gzslbench.plugins.presets import Preset, preset
from gzslbench.runs.cell import Cell
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Plan
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store
from gzslbench.testing import made
from gzslbench.training.construction import build_method
from gzslbench.training.trainer import EpochEnd, Trainer

SEED = 1
SHRUNK = {"epochs": 2, "rows": 32, "units": 32, "features": 20}
"""Most of each unit that a quick check trains with; parameters say their unit."""


@dataclass(frozen=True)
class Training:
    """A method that has been trained.

    Attributes:
        method: The method.
        view: What it saw.
        held_out: What it did not.
        trainer: At its end.
        ends: Of every epoch.
    """

    method: Any
    view: TrainView
    held_out: EvalView
    trainer: Trainer
    ends: tuple[EpochEnd, ...]

    @property
    def state(self) -> dict[str, Tensor]:
        """A copy of every parameter and buffer."""
        return {name: each.clone() for name, each in self.method.modules.state_dict().items()}

    def evaluate(self) -> Evaluation:
        """The metrics of the method as it stands."""
        evaluator = Evaluator(self.view, self.held_out)
        return evaluator.evaluate(self.method, self.trainer.counted_epochs, SEED)


class MethodCase:
    """One method, with all that its checks share."""

    def __init__(self, spec: MethodSpec) -> None:
        self.spec = spec
        self._runs: dict[int, tuple[Record, Mapping[str, Any]]] = {}

    @cached_property
    def preset(self) -> Preset:
        """Its settings for ``synthetic``."""
        return preset(self.spec, "synthetic", "latent")

    def params(self, **settings: Any) -> Params:
        """Its settings for ``synthetic``, made small; ``settings`` come first."""
        values = dict(self.preset.values)
        for info in fields_of(self.spec.params):
            most = SHRUNK.get("rows" if info.name == "batch_size" else info.unit)
            if info.type is int and most is not None:
                least = 0 if info.low is None else int(info.low)
                values[info.name] = max(least, min(most, values.get(info.name, info.default)))
        return build(self.spec.params, {**values, **settings}, "a quick check")

    def built(
        self,
        dataset: Dataset | None = None,
        params: Params | None = None,
        seed: int = SEED,
        device: str = "cpu",
    ) -> tuple[Any, TrainView, EvalView]:
        """The method before it is trained, and both views."""
        view, held_out = self.views(dataset, device)
        return build_method(self.spec, view, params or self.params(), seed), view, held_out

    def views(self, dataset: Dataset | None = None, device: str = "cpu") -> tuple[TrainView, EvalView]:
        """Both views of ``dataset``, or of the small made one."""
        return make_views(dataset or made.small(), self.spec.preprocessing, device, self.spec.setting)

    def trained(
        self,
        dataset: Dataset | None = None,
        params: Params | None = None,
        device: str = "cpu",
        after_epoch: Callable[[Any, TrainView, EvalView], None] | None = None,
        **settings: Any,
    ) -> Training:
        """The method trained to its end; ``settings`` are the trainer's."""
        method, view, held_out = self.built(dataset, params, device=device)
        trainer = Trainer(method, view, SEED, **settings)
        ends = []
        for end in trainer.epochs():
            ends.append(end)
            if after_epoch is not None:
                after_epoch(method, view, held_out)
        return Training(method, view, held_out, trainer, tuple(ends))

    @cached_property
    def learned(self) -> Training:
        """The method trained with its preset on the problem with a known answer."""
        return self.trained(load_synthetic(), build(self.spec.params, self.preset.values, "the preset"))

    def run(self, seed: int) -> tuple[Record, Mapping[str, Any]]:
        """The record and the predictions of a run of ``seed``, made once."""
        if seed not in self._runs:
            self._runs[seed] = self.run_again(seed)
        return self._runs[seed]

    def run_again(self, seed: int) -> tuple[Record, Mapping[str, Any]]:
        """The same from a run of its own, in a store of its own."""
        dataset, params = made.small(), self.params()
        cell = Cell(
            method=self.spec.name,
            method_version=self.spec.version,
            dataset=dataset.name,
            task=dataset.task_id,
            preprocessing=self.spec.preprocessing,
            params=params.as_dict(),
            head=SOFTMAX if self.spec.kind == "generative" else None,
            seed=seed,
        )
        plan = Plan(self.spec, params, self.preset, [cell], "cpu", dataset=dataset)
        with tempfile.TemporaryDirectory() as root:
            record, folder = run_cell(plan, cell, Store(Path(root)), Options(track=None))
            if record.status != "complete":
                return record, {}
            with np.load(folder.predictions_file) as stored:
                return record, dict(stored)

    @property
    def trains(self) -> bool:
        """Whether it has epochs to train."""
        return bool(self.built()[0].stages())


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether both have the same names, and the same numbers to the bit; NaN is the same as NaN."""
    return one.keys() == other.keys() and all(
        torch.equal(one[name].nan_to_num(), other[name].nan_to_num()) for name in one
    )
