from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gzslbench.computing.device import matmul_precision
from gzslbench.computing.graph import WARM_UP
from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.plugins.head import HeadSettings

SETTINGS = HeadSettings(per_class=1, batch_size=7, lr=0.01)
ROWS, DIM, CLASSES, EPOCHS = 30, 5, 4, 4


@pytest.fixture
def captures(recording, monkeypatch):
    """The captures of each fit in turn, as if the CPU had graphs."""
    made = []

    def capture_on(device):
        made.append(recording())
        return made[-1]

    monkeypatch.setattr("gzslbench.evaluation.softmax_head.capture_on", capture_on)
    return made


def fit(settings=SETTINGS, graphs=True, device="cpu", classes=CLASSES, rows=ROWS):
    """Copies of weight and bias after each epoch."""
    random = torch.Generator().manual_seed(3)
    features = torch.randn(rows, DIM, generator=random).to(device)
    labels = torch.randint(classes, (rows,), generator=random).to(device)
    draws = torch.Generator(device).manual_seed(11)
    with torch.no_grad():
        heads = fit_softmax_head(features, labels, classes, settings, EPOCHS, draws, graphs)
        return [(head.weight.clone(), head.bias.clone()) for head in heads]


def assert_equal(one, other):
    for (weight, bias), (other_weight, other_bias) in zip(one, other, strict=True):
        assert torch.equal(weight, other_weight) and torch.equal(bias, other_bias)


@pytest.mark.parametrize("batch_size", [1, 7, 30, 1000])
def test_replayed_steps_give_the_same_head_after_each_epoch_to_the_bit(captures, batch_size):
    settings = replace(SETTINGS, batch_size=batch_size)
    eager = fit(settings, graphs=False)
    assert captures == []
    assert_equal(fit(settings), eager)
    (capture,) = captures
    steps = EPOCHS * -(-ROWS // min(batch_size, ROWS))
    assert capture.warmed == WARM_UP and capture.replayed == steps - WARM_UP


def test_a_step_that_cannot_be_captured_gives_the_same_head(captures, recording, monkeypatch):
    eager = fit(graphs=False)
    monkeypatch.setattr(recording, "fails", True)
    with pytest.warns(RuntimeWarning, match="'head step' continues without a CUDA graph"):
        assert_equal(fit(), eager)


def test_no_step_makes_the_host_wait(watching):
    with watching() as watched:
        fit(graphs=False)
    assert watched.waits == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("error:.*continues without a CUDA graph")
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_cuda_graphs_give_the_same_head_to_the_bit(batch_size, deterministic):
    settings = replace(SETTINGS, batch_size=batch_size)
    with matmul_precision("fp32", deterministic):
        assert_equal(fit(settings, device="cuda"), fit(settings, graphs=False, device="cuda"))
