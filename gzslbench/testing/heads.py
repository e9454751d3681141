"""Checks of heads, on real seen rows and rows of the unseen classes drawn as a perfect method would."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.seeds import generator
from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.data.views import EvalView, make_views
from gzslbench.plugins.head import HeadSettings, HeadSpec
from gzslbench.plugins.inputs import HeadData
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.testing.check import demand
from gzslbench.training.construction import load_class

SEED = 1
ABOVE_CHANCE = 0.3
_ASKED = HeadSettings(per_class=60, batch_size=64, epochs=5, lr=1e-2)


class HeadCase:
    """One head, with rows to fit it on."""

    def __init__(self, spec: HeadSpec) -> None:
        self.spec = spec

    @cached_property
    def head(self) -> Any:
        """The head with its settings for ``synthetic``."""
        values = preset(self.spec, "synthetic", "latent").values
        return load_class(self.spec)(build(self.spec.params, values, "a check"))

    @cached_property
    def held_out(self) -> EvalView:
        """The problem with a known answer."""
        return make_views(load_synthetic(), "minmax", "cpu")[1]

    @property
    def rows(self) -> HeadData:
        """A copy of half of the test rows of every class to be fitted on; of the others, no labels."""
        view = self.held_out
        unlabelled = view.features[1::2].clone() if self.spec.setting == "transductive" else None
        return HeadData(
            view.features[::2].clone(),
            view.labels[::2].clone(),
            view.semantics.clone(),
            view.seen.clone(),
            unlabelled,
        )

    def scores(self, settings: HeadSettings | None = None, rows: HeadData | None = None) -> Tensor:
        """``(n, K)`` scores of the other half after a whole fit."""
        settings, rows = settings or self.settings, rows or self.rows
        random = generator("cpu", SEED, "head")
        test = self.held_out.features[1::2]
        fits = 0
        for fitted in self.head.fit(rows, settings, settings.epochs, random, False):
            fits += 1
            scores: Tensor = fitted.scores(test)
        demand(
            fits == settings.epochs,
            f"fit yielded {fits} heads for {settings.epochs} epochs",
            "yield the head once after each pass",
        )
        return scores

    @property
    def settings(self) -> HeadSettings:
        """What it makes of a method's settings."""
        settings: HeadSettings = self.head.settings(_ASKED)
        return settings


def settings_and_scores_fit(case: HeadCase) -> None:
    """It turns a method's settings into its own, and yields scores of all classes after each pass."""
    demand(
        isinstance(case.settings, HeadSettings),
        f"settings() returned {case.settings!r}",
        "return a HeadSettings, by dataclasses.replace of the one it gets",
    )
    scores, expected = case.scores(), (len(case.held_out.labels) // 2, len(case.held_out.seen))
    demand(
        tuple(scores.shape) == expected,
        f"scores returned {tuple(scores.shape)}, not {expected}",
        "return a row for each feature and a column for each class",
    )
    demand(bool(scores.isfinite().all()), "scores are NaN or infinite", "guard logarithms and quotients")


def the_same_seed_fits_the_same_head(case: HeadCase) -> None:
    """Fitted twice from one random stream, it scores the same to the bit."""
    demand(
        torch.equal(case.scores(), case.scores()),
        "two fits from the same random stream score differently",
        "draw from `generator` alone, and begin each fit from scratch",
    )


def the_global_stream_is_left_alone(case: HeadCase) -> None:
    """It draws nothing from torch's global stream, which belongs to the training."""
    before = torch.get_rng_state()
    case.scores()
    demand(
        torch.equal(before, torch.get_rng_state()),
        "fit draws from torch's global random stream",
        "hand `generator` to every call that draws, initial weights included",
    )


def the_rows_are_left_alone(case: HeadCase) -> None:
    """It does not change the rows that it is fitted on."""
    rows, before = case.rows, _tensors(case.rows)
    case.scores(rows=rows)
    demand(
        all(torch.equal(one, other) for one, other in zip(before, _tensors(rows), strict=True)),
        "fit changes the rows it is given",
        "work on copies: no in-place scaling of rows.features",
    )


def more_rows_a_step_than_there_are(case: HeadCase) -> None:
    """With a batch size above the number of rows, and a class without rows, it still fits."""
    rows = case.rows
    kept = rows.labels != 0
    fewer = replace(rows, features=rows.features[kept], labels=rows.labels[kept])
    huge = replace(case.settings, batch_size=10 * len(rows.labels))
    demand(
        bool(case.scores(huge, fewer).isfinite().all()),
        "with batches larger than the rows, and a class without rows, its scores are NaN or infinite",
        "take at most all rows a step, and guard the logarithm of a class's share",
    )


def it_classifies(case: HeadCase) -> None:
    """Fitted on rows of every class, it tells three other rows in ten, where chance is one in thirty."""
    right = (case.scores().argmax(1) == case.held_out.labels[1::2]).double().mean()
    demand(
        float(right) > ABOVE_CHANCE,
        f"it tells {100 * right:.1f} % of rows right, of 30 classes on whose own rows it was fitted",
        "check the loss and its settings in the table [synthetic] of defaults.toml",
    )


def _tensors(rows: HeadData) -> list[Tensor]:
    every = (rows.features, rows.labels, rows.semantics, rows.seen, rows.unlabelled)
    return [each for each in every if each is not None]


HEAD_CHECKS = (
    settings_and_scores_fit,
    the_same_seed_fits_the_same_head,
    the_global_stream_is_left_alone,
    the_rows_are_left_alone,
    more_rows_a_step_than_there_are,
    it_classifies,
)
