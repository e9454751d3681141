"""A method under check: built, trained and evaluated on toy data, with networks small enough to be fast."""

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
from gzslbench.testing.toy_data import toy_dataset
from gzslbench.training.construction import build_method
from gzslbench.training.trainer import EpochEnd, Trainer

SEED = 1
MAX_VALUES = {"epochs": 2, "rows": 32, "units": 32, "features": 20}
"""The largest value of a parameter in a fast check, by the parameter's unit."""


@dataclass(frozen=True)
class Training:
    """A trained method with both views, its trainer, and the ends of all epochs."""

    method: Any
    view: TrainView
    held_out: EvalView
    trainer: Trainer
    ends: tuple[EpochEnd, ...]

    @property
    def state(self) -> dict[str, Tensor]:
        """A copy of every parameter and buffer."""
        return {name: tensor.clone() for name, tensor in self.method.modules.state_dict().items()}

    def evaluate(self) -> Evaluation:
        """Evaluate the method as it is now."""
        evaluator = Evaluator(self.view, self.held_out)
        return evaluator.evaluate(self.method, self.trainer.counted_epochs, SEED)


class MethodCase:
    """One method, with everything that its checks share. Trainings that several checks need are done once."""

    def __init__(self, spec: MethodSpec) -> None:
        self.spec = spec
        self._runs: dict[int, tuple[Record, Mapping[str, Any]]] = {}

    @cached_property
    def preset(self) -> Preset:
        """Its preset for `synthetic`."""
        return preset(self.spec, "synthetic", "latent")

    def params(self, **settings: Any) -> Params:
        """Return its preset for `synthetic`, reduced by `MAX_VALUES`, with `settings`."""
        values = dict(self.preset.values)
        for info in fields_of(self.spec.params):
            most = MAX_VALUES.get("rows" if info.name == "batch_size" else info.unit)
            if info.type is int and most is not None:
                least = 0 if info.low is None else int(info.low)
                values[info.name] = max(least, min(most, values.get(info.name, info.default)))
        return build(self.spec.params, {**values, **settings}, "a fast check")

    def views(self, dataset: Dataset | None = None, device: str = "cpu") -> tuple[TrainView, EvalView]:
        """Return both views of `dataset`, by default of the small toy dataset."""
        return make_views(dataset or toy_dataset(), self.spec.preprocessing, device, self.spec.setting)

    def build(
        self, dataset: Dataset | None = None, params: Params | None = None, device: str = "cpu"
    ) -> tuple[Any, TrainView, EvalView]:
        """Return the method before training, and both views."""
        view, held_out = self.views(dataset, device)
        return build_method(self.spec, view, params or self.params(), SEED), view, held_out

    def train(
        self,
        dataset: Dataset | None = None,
        params: Params | None = None,
        device: str = "cpu",
        after_epoch: Callable[[Any, TrainView, EvalView], None] | None = None,
        **settings: Any,
    ) -> Training:
        """Train the method to its end; `settings` are arguments of the trainer."""
        method, view, held_out = self.build(dataset, params, device)
        trainer = Trainer(method, view, SEED, **settings)
        ends = []
        for end in trainer.epochs():
            ends.append(end)
            if after_epoch is not None:
                after_epoch(method, view, held_out)
        return Training(method, view, held_out, trainer, tuple(ends))

    @cached_property
    def trained(self) -> Training:
        """The method trained on the small toy dataset. Checks must not change it."""
        return self.train()

    @cached_property
    def learned(self) -> Training:
        """The method trained with its full preset on `synthetic`, whose best answer is known."""
        return self.train(load_synthetic(), build(self.spec.params, self.preset.values, "the preset"))

    def run(self, seed: int) -> tuple[Record, Mapping[str, Any]]:
        """Return the record and the predictions of a run with `seed`, computed once."""
        if seed not in self._runs:
            self._runs[seed] = self.run_again(seed)
        return self._runs[seed]

    def run_again(self, seed: int) -> tuple[Record, Mapping[str, Any]]:
        """Return the same from a new run in a store of its own."""
        dataset, params = toy_dataset(), self.params()
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

    @cached_property
    def has_stages(self) -> bool:
        """Whether it is trained in epochs; False for a closed form."""
        return bool(self.build()[0].stages())


def same_state(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Return whether both have the same names and the same numbers to the bit; NaN equals NaN."""
    return one.keys() == other.keys() and all(
        torch.equal(one[name].nan_to_num(), other[name].nan_to_num()) for name in one
    )
