"""Checks of heads, fitted on real rows of all classes, as a perfect method would synthesize them."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.seeds import generator
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.data.views import EvalView, make_views
from gzslbench.evaluation.checked_method import check_matrix, check_settings, fit_head
from gzslbench.plugins.head import HeadSettings, HeadSpec
from gzslbench.plugins.inputs import HeadData
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.testing.check import NotApplicable, require
from gzslbench.testing.streams import require_sound_stream
from gzslbench.training.trainer import load_class

SEED = 1
MIN_ACCURACY = 0.3
_SETTINGS = HeadSettings(per_class=60, batch_size=64, epochs=5, lr=1e-2)


class HeadCase:
    """One head, with rows to fit it on. Half of the test rows are for fitting, the others for scoring."""

    def __init__(self, spec: HeadSpec) -> None:
        self.spec = spec

    @cached_property
    def head(self) -> Any:
        """The head with its preset for `synthetic`."""
        values = preset(self.spec, "synthetic", "latent").values
        return load_class(self.spec)(build(self.spec.params, values, "a check"))

    @cached_property
    def held_out(self) -> EvalView:
        """The test rows of `synthetic`."""
        return make_views(load_synthetic(), "minmax", "cpu")[1]

    @property
    def data(self) -> HeadData:
        """A copy of the rows for fitting; for a transductive head also the others, without labels."""
        view = self.held_out
        unlabelled = view.features[1::2].clone() if self.spec.setting == "transductive" else None
        features, labels = view.features[::2].clone(), view.labels[::2].clone()
        return HeadData(features, labels, view.semantics.clone(), view.seen.clone(), unlabelled)

    @property
    def settings(self) -> HeadSettings:
        """The settings that the head derives from those of a method."""
        return check_settings(self.head.settings(_SETTINGS), self.head)

    def scores(self, settings: HeadSettings | None = None, data: HeadData | None = None) -> Tensor:
        """Fit the head and return its `(n, K)` scores of the rows for scoring."""
        settings, data = settings or self.settings, data or self.data
        random = generator("cpu", SEED, "head")
        for fitted in fit_head(self.head, data, settings, settings.epochs, random, graphs=False):
            scores: Tensor = fitted.scores(self.held_out.features[1::2])
        return scores


def settings_and_scores_fit(case: HeadCase) -> None:
    """It derives its settings from a method's, and yields scores of all classes after each epoch."""
    rows, classes = len(case.held_out.labels) // 2, len(case.held_out.seen)
    scores = check_matrix("scores", case.head, case.scores(), rows, classes)
    require(bool(scores.isfinite().all()), "scores are NaN or infinite", "guard logarithms and quotients")


def the_same_seed_fits_the_same_head(case: HeadCase) -> None:
    """Fitted twice from the same random stream, it gives the same scores to the bit."""
    same = torch.equal(case.scores(), case.scores())
    fix = "draw only from `generator`, and start each fit from the beginning"
    require(same, "two fits from the same random stream give different scores", fix)


def the_global_stream_is_left_alone(case: HeadCase) -> None:
    """It draws nothing from torch's global random stream, which belongs to the training."""
    before = torch.get_rng_state()
    case.scores()
    fix = "pass `generator` to every call that draws, initial weights included"
    same = torch.equal(before, torch.get_rng_state())
    require(same, "fit draws from torch's global random stream", fix)


def the_rows_are_left_alone(case: HeadCase) -> None:
    """It does not change the rows on which it is fitted."""
    data, copy = case.data, case.data
    case.scores(data=data)
    names = [field.name for field in fields(data) if getattr(data, field.name) is not None]
    same = all(torch.equal(getattr(data, name), getattr(copy, name)) for name in names)
    require(same, "fit changes the rows that it is given", "work on copies; do not scale features in place")


def a_batch_may_exceed_the_rows(case: HeadCase) -> None:
    """With a batch size above the number of rows, and with a class without rows, it fits."""
    data = case.data
    kept = data.labels != 0
    fewer = replace(data, features=data.features[kept], labels=data.labels[kept])
    huge = replace(case.settings, batch_size=10 * len(data.labels))
    finite = bool(case.scores(huge, fewer).isfinite().all())
    what = "with batches larger than the data, and a class without rows, scores are NaN or infinite"
    require(finite, what, "take at most all rows per step, and guard the logarithm of a class's share")


def it_evolves_along_the_stream_only(case: HeadCase) -> None:
    """An evolving head learns from each batch after it scored it, on a copy of what was fitted."""
    if case.spec.setting != "evolving":
        raise NotApplicable("its setting is not evolving")
    random, epochs = generator("cpu", SEED, "head"), case.settings.epochs
    *_, head = fit_head(case.head, case.data, case.settings, epochs, random, graphs=False)
    with torch.no_grad():
        rows = case.held_out.features[1::2]
        require_sound_stream(head, lambda: (generator("cpu", SEED, "stream"),), head.scores, rows)


def it_classifies(case: HeadCase) -> None:
    """Fitted on rows of every class, it classifies 3 of 10 other rows correctly; chance is 1 of 30."""
    accuracy = float((case.scores().argmax(1) == case.held_out.labels[1::2]).double().mean())
    what = f"it classifies {100 * accuracy:.1f} % of rows correctly, of 30 classes that it was fitted on"
    fix = "check the loss and its settings in the table [synthetic] of defaults.toml"
    require(accuracy > MIN_ACCURACY, what, fix)
