"""Every registered method trains the same by replays as step by step, and never makes the host wait."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

from gzslbench.computing.graph import WARM_UP
from gzslbench.plugins.registry import plugins
from gzslbench.testing.methods.case import MethodCase
from gzslbench.training.trainer import Trainer

CASES = {name: MethodCase(spec) for name, spec in plugins().methods().items()}
LONGER = {"icis": {"epochs": 9}}
"""Methods whose epochs have too few steps for a replay, and settings with more."""
METHODS = sorted(name for name, case in CASES.items() if case.has_stages)


@pytest.fixture
def captures(recording, monkeypatch):
    made = []

    def capture_on(device, generators=(), *, trim=False):
        made.append(recording(generators))
        return made[-1]

    monkeypatch.setattr("gzslbench.training.stage_run.capture_on", capture_on)
    return made


def trained(name, graphs, device="cpu", precision="fp32", deterministic=False):
    """Train on the small toy data; on a GPU on `synthetic`, with larger batches."""
    case = CASES[name]
    toy, rows = ("small", 16) if device == "cpu" else ("synthetic", 256)
    params = case.params(max_rows=rows, **LONGER.get(name, {}))
    method, view, _ = case.build(toy, params, device)
    trainer = Trainer(method, view, 1, precision, deterministic, graphs=graphs)
    losses = [end.losses for end in trainer.epochs()]
    return torch.cat([p.detach().flatten() for p in method.modules.parameters()]), losses


def test_the_methods_without_stages_are_those_whose_plain_form_has_no_loop():
    plain = {name: import_module(case.spec.plain.partition(":")[0]) for name, case in CASES.items()}
    closed_forms = {name for name, module in plain.items() if not hasattr(module, "train")}
    assert {"eszsl", "sae"} <= closed_forms == CASES.keys() - METHODS


@pytest.mark.acceptance
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_replays_equal_steps_to_the_bit(captures, name, precision):
    eager = trained(name, graphs=False, precision=precision)
    replayed = trained(name, graphs=True, precision=precision)
    assert torch.equal(replayed[0], eager[0]) and replayed[1] == eager[1]
    assert captures[-1].replayed > WARM_UP


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("error:.*continues without a CUDA graph")
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_cuda_graphs_equal_steps_to_the_bit_where_steps_equal_themselves(name, precision):
    eager, graphed = (trained(name, graphs, "cuda", precision, True) for graphs in (False, True))
    assert torch.equal(graphed[0], eager[0]) and graphed[1] == eager[1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("error:.*continues without a CUDA graph")
@pytest.mark.parametrize("name", METHODS)
def test_cuda_graphs_differ_from_steps_no_more_than_steps_among_themselves(name):
    eager, again, graphed = (trained(name, graphs, "cuda")[0] for graphs in (False, False, True))
    assert (graphed - eager).norm() <= 10 * (again - eager).norm()  # the GPU adds in any order
