"""The speed case of every method: both forms do the work that they are timed for."""

from __future__ import annotations

import pytest
import torch

from gzslbench.plugins.registry import plugins
from gzslbench.testing.methods.case import MethodCase
from gzslbench_benchmarks.speed.cases.methods import settings, small_params, timed_methods
from gzslbench_benchmarks.speed.conditions import Conditions


def test_every_trained_method_is_timed_but_those_with_a_loop_in_python():
    trained = {
        spec.name
        for spec in plugins().methods().values()
        if spec.features == "global" and not spec.shared_space and MethodCase(spec).has_stages
    }
    assert set(timed_methods()) == trained - {"ale", "bias-gzsl", "devise", "e-pgn", "icis", "sje"}


@pytest.mark.acceptance
def test_every_contestant_runs():
    conditions = Conditions(torch.device("cpu"), quick=True)
    names = []
    for setting in settings(conditions):
        names.append(setting.name)
        for contestant in setting.contestants:
            contestant.build()()
    assert len(names) == 2 * len(timed_methods())


def test_the_settings_are_those_of_the_preset_but_for_their_length():
    spec = plugins().method("ce-gzsl")
    params = small_params(spec, "sent", quick=False)
    assert (params.epochs, params.head_epochs, params.zsl_epochs, params.syn_num) == (1, 25, 0, 100)
    assert (params.batch_size, params.ngh, params.nhF) == (128, 4096, 2048)
