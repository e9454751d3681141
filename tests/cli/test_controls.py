"""``gzslbench controls``: sound, leaking and blind methods."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest
import torch
from torch import nn

from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import plugins
from gzslbench.runs.store import Store


@dataclass(frozen=True)
class NoParams(Params):
    """None."""


class Closed:
    """A scoring method without a training."""

    def __init__(self, view, params):
        self.modules = nn.ModuleDict()

    def stages(self):
        return ()


class Leaking(Closed):
    """It opens the dataset itself, and finds each test row and its label there."""

    def __init__(self, view, params):
        super().__init__(view, params)
        dataset = load_synthetic()
        self.rows, self.labels = torch.tensor(dataset.features), torch.tensor(dataset.labels)

    def scores(self, features, semantics):
        found = self.labels[torch.cdist(features, self.rows).argmin(1)]
        return nn.functional.one_hot(found, len(semantics)).float()


class Blind(Closed):
    """It scores by a fixed random map of the features, and never looks at the semantics."""

    def scores(self, features, semantics):
        weights = torch.randn(features.shape[1], len(semantics), generator=torch.Generator().manual_seed(0))
        return features @ weights


class Ridge(Closed):
    """It maps the features to the semantics by ridge regression."""

    def __init__(self, view, params):
        super().__init__(view, params)
        x, y = view.features, view.semantics[view.labels]
        self.map = torch.linalg.solve(x.T @ x + torch.eye(x.shape[1]), x.T @ y)

    def scores(self, features, semantics):
        return (features @ self.map) @ semantics.T


@hookimpl
def gzslbench_methods():
    """Yield the toys."""
    for toy in TOYS:
        yield MethodSpec(
            name=toy.__name__.lower(),
            title=toy.__name__,
            paper="Nobody: Toys, nowhere 2026",
            url="https://example.org",
            params=NoParams,
            load=f"{MODULE}:{toy.__name__}",
            kind="scoring",
            preprocessing="none",
        )


TOYS, MODULE = (Leaking, Blind, Ridge), "toys_of_controls"


@pytest.fixture
def toys(monkeypatch):
    """The toys are installed as a plugin."""
    monkeypatch.setitem(sys.modules, MODULE, sys.modules[__name__])
    plugins.cache_clear()
    for toy in TOYS:
        name = toy.__name__.lower()
        plugins().entries["methods"][name] = EntryPoint(name, MODULE, "gzslbench.methods")
    yield
    plugins.cache_clear()


def judged(outcome):
    found = json.loads(outcome.stdout)
    return found, [status for status, _ in found["judgements"].values()]


def test_a_sound_method_passes_and_the_table_shows_all_four(toys, gzslbench):
    outcome = gzslbench("controls", "ridge", "--dataset", "synthetic")
    assert outcome.exit_code == 0, outcome.output
    lines = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["method", "shuffled", "oracle", "chance"]
    assert lines[1].split() == ["runs", "T1", "U", "S", "H"]
    assert outcome.stdout.count("passed: ") == 3
    assert "the method uses the semantics, and nothing points to a leak" in outcome.stdout


def test_a_method_that_finds_the_test_rows_elsewhere_is_caught(toys, gzslbench):
    outcome = gzslbench("controls", "leaking", "--dataset", "synthetic", "--json")
    assert outcome.exit_code == 1
    found, statuses = judged(outcome)
    assert found["means"]["method"]["T1"] == found["means"]["shuffled"]["T1"] == 100
    assert statuses == ["failed", "failed", "failed"]
    (_, at_chance), _, (_, not_above) = found["judgements"].values()
    assert "test rows or labels" in at_chance
    assert "test labels may reach the method" in not_above
    assert found["status"] == "failed"


def test_a_method_that_ignores_the_semantics_is_caught(toys, gzslbench):
    outcome = gzslbench("controls", "blind", "--dataset", "synthetic", "--json")
    assert outcome.exit_code == 1
    found, statuses = judged(outcome)
    assert statuses == ["passed", "failed", "passed"]
    assert "may not use the semantics" in found["judgements"]["method is above shuffled"][1]


def test_with_two_unseen_classes_most_is_undecided_and_nothing_fails(toys, gzslbench):
    found, statuses = judged(gzslbench("controls", "ridge", "--dataset", "digits", "--json"))
    assert statuses == ["undecided"] * 3
    assert found["status"] == "undecided"


def test_each_seed_has_its_own_shuffle_and_finished_runs_are_read(toys, gzslbench):
    gzslbench("run", "--method", "ridge", "--dataset", "synthetic", "--seed", "5", "--shuffle-semantics", "1")
    (first,) = (folder.id for folder in Store("results").runs())
    command = ("controls", "ridge", "--dataset", "synthetic", "--seed", "5", "--seed", "6", "--json")
    found, _ = judged(gzslbench(*command))
    assert found["runs"]["shuffled"][0] == first
    semantics = [Store("results").run(run).record().task.semantics for run in found["runs"]["shuffled"]]
    assert semantics == ["latent-shuffled1", "latent-shuffled2"]
    before = {folder.id: folder.record_file.stat().st_mtime_ns for folder in Store("results").runs()}
    assert len(before) == 8
    assert json.loads(gzslbench(*command).stdout) == found
    assert before == {folder.id: folder.record_file.stat().st_mtime_ns for folder in Store("results").runs()}


def test_a_run_that_diverges_is_an_error_that_names_it(gzslbench):
    small = ("ngh=16", "ndh=16", "syn_num=10", "nz=4", "batch_size=512", "critic_iter=1", "lr=1e30")
    settings = [part for setting in small for part in ("--set", setting)]
    outcome = gzslbench("controls", "f-clswgan", "--dataset", "digits", "--epochs", "1", *settings)
    assert outcome.exit_code == 2
    assert "f-clswgan-digits-s0-" in outcome.output and "diverged" in outcome.output


def test_check_judges_a_method_on_a_dataset_too(toys, gzslbench, monkeypatch):
    monkeypatch.setattr("gzslbench.testing.suites._all_checks", lambda spec: ())
    outcome = gzslbench("check", "leaking", "--dataset", "synthetic", "--json")
    assert outcome.exit_code == 1
    (found,) = (value for title, value in json.loads(outcome.stdout).items() if "controls" in title)
    assert [one["status"] for one in found] == ["failed"] * 3
    fine = gzslbench("check", "ridge", "--dataset", "digits")
    assert fine.exit_code == 0 and "3 skipped" in fine.output


@pytest.mark.parametrize("arguments", [("--all",), ("digits", "--kind", "dataset")])
def test_check_needs_a_method_for_a_dataset(gzslbench, arguments):
    outcome = gzslbench("check", *arguments, "--dataset", "synthetic")
    assert outcome.exit_code == 2 and "needs the name of one method" in outcome.output
