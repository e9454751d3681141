"""A method under check: built, trained and evaluated on toy data, with networks small enough to be fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from torch import Tensor

from gzslbench.data.dataset import Dataset
from gzslbench.data.synthetic.dataset import load_synthetic, make_synthetic
from gzslbench.data.views import EvalView, make_views
from gzslbench.evaluation.evaluator import Evaluation, Evaluator
from gzslbench.plugins.inputs import TrainView
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, build, fields_of
from gzslbench.plugins.presets import preset
from gzslbench.runs.plan import fit_to_method
from gzslbench.training.trainer import EpochEnd, Trainer, build_method

SEED = 1
MAX_VALUES = {"epochs": 2, "rows": 32, "units": 32, "features": 20}
"""The largest value of a parameter in a fast check, by the parameter's unit."""
SHAPES = {
    "small": {"classes": 10, "unseen": 3, "per_class": 15},
    "one seen class": {"classes": 3, "unseen": 2, "per_class": 15},
    "few rows": {"classes": 5, "unseen": 2, "per_class": 3},
    "many classes": {"classes": 43, "unseen": 3, "per_class": 3},
}
"""Classes, unseen ones among them, and rows per class; a fifth of the rows (at least one) is for testing."""


@cache
def toy_dataset(name: str) -> Dataset:
    """Return `synthetic`, or the dataset of the shape `name` with 16 features and 6 semantic dimensions."""
    if name == "synthetic":
        return load_synthetic()
    return make_synthetic(**SHAPES[name], dim=16, semantic_dim=6, noise=0.35, seed=5)


@dataclass(frozen=True)
class Training:
    """A trained method with both views, its trainer, the ends of all epochs, and its state at the end."""

    method: Any
    view: TrainView
    held_out: EvalView
    trainer: Trainer
    ends: tuple[EpochEnd, ...]
    state: Mapping[str, Tensor]
    evaluator: Evaluator

    def evaluate(self) -> Evaluation:
        """Evaluate the method in its present state."""
        return self.evaluator.evaluate(self.method, self.trainer.counted_epochs, SEED)


class MethodCase:
    """One method, with everything that its checks share. Trainings that several checks need are done once."""

    def __init__(self, spec: MethodSpec) -> None:
        self.spec = spec

    @cached_property
    def preset(self) -> Mapping[str, Any]:
        """The values of its preset for `synthetic`."""
        return preset(self.spec, "synthetic", "latent").values

    def params(self, max_rows: int = MAX_VALUES["rows"], **settings: Any) -> Params:
        """Return its preset for `synthetic`, reduced by `MAX_VALUES`, with `settings`."""
        values = dict(self.preset)
        limits = {**MAX_VALUES, "rows": max_rows}
        for info in fields_of(self.spec.params):
            most = limits.get("rows" if info.name == "batch_size" else info.unit)
            if info.type is int and most is not None:
                least = 0 if info.low is None else int(info.low)
                values[info.name] = max(least, min(most, values.get(info.name, info.default)))
        return build(self.spec.params, {**values, **settings}, "a fast check")

    def dataset(self, toy: str) -> Dataset:
        """Return a toy dataset as the method reads it: with its regions as features, if it works on them.

        For a method that compares features with semantics, these are the means of the classes' features.
        """
        dataset = toy_dataset(toy)
        if self.spec.shared_space:
            classes = range(len(dataset.class_names))
            means = [dataset.features[dataset.labels == label].mean(0) for label in classes]
            dataset = replace(dataset, semantics=np.stack(means), content="")
        return fit_to_method(dataset, self.spec, None)

    def build(
        self, toy: str = "small", params: Params | None = None, device: str = "cpu", seed: int = SEED
    ) -> tuple[Any, TrainView, EvalView]:
        """Return the method before training, and both views of the toy dataset."""
        dataset = self.dataset(toy)
        view, held_out = make_views(dataset, self.spec.preprocessing, device, self.spec.setting)
        return build_method(self.spec, view, params or self.params(), seed), view, held_out

    def train(
        self,
        toy: str = "small",
        params: Params | None = None,
        device: str = "cpu",
        seed: int = SEED,
        after_epoch: Callable[[Any, TrainView, EvalView], object] = lambda *_: None,
        **settings: Any,
    ) -> Training:
        """Train the method to its end; `settings` are arguments of the trainer."""
        method, view, held_out = self.build(toy, params, device, seed)
        trainer = Trainer(method, view, seed, **settings)
        ends = []
        for end in trainer.epochs():
            ends.append(end)
            after_epoch(method, view, held_out)
        evaluator = self.make_evaluator(view, held_out)
        return Training(method, view, held_out, trainer, tuple(ends), copy_state(method), evaluator)

    def make_evaluator(self, view: TrainView, held_out: EvalView) -> Evaluator:
        """Return an evaluator with the softmax head."""
        return Evaluator(view, held_out, method_setting=self.spec.setting)

    @cached_property
    def trained(self) -> Training:
        """The method trained on the small toy dataset. Checks must not train it further."""
        return self.train()

    @cached_property
    def has_stages(self) -> bool:
        """Whether it is trained in epochs; False for a closed form."""
        return bool(self.build()[0].stages())


def copy_state(method: Any) -> dict[str, Tensor]:
    """Return a copy of every parameter and buffer of the method's modules."""
    return {name: tensor.clone() for name, tensor in method.modules.state_dict().items()}


def same_state(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Return whether both have the same names and the same numbers to the bit; NaN equals NaN."""
    return one.keys() == other.keys() and all(
        one[name].nan_to_num().equal(other[name].nan_to_num()) for name in one
    )
