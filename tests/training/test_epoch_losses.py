from __future__ import annotations

import pytest
import torch

from gzslbench.errors import DivergedError
from gzslbench.training import stage_run as module
from gzslbench.training.stage_run import EpochLosses


def double(value):
    return torch.tensor(value, dtype=torch.float64)


def test_means_are_sums_over_the_steps_of_the_terms_phase():
    sums = {"critic/gap": double(10.0), "critic/penalty": double(5.0), "generator/fool": double(-4.0)}
    losses = EpochLosses(sums, {"critic": 5, "generator": 2}, "game", 1)
    assert losses.arrived
    assert losses.means() == {"critic/gap": 2.0, "critic/penalty": 1.0, "generator/fool": -2.0}


def test_an_epoch_without_a_loss_has_no_means():
    assert EpochLosses({}, {}, "game", 1).means() == {}


def test_what_happens_to_the_sums_afterwards_changes_nothing():
    sums = {"critic/gap": double(10.0)}
    losses = EpochLosses(sums, {"critic": 5}, "game", 1)
    sums["critic/gap"].zero_()
    assert losses.means() == {"critic/gap": 2.0}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_not_finite_names_term_stage_and_epoch(value):
    sums = {"critic/gap": double(1.0), "critic/penalty": double(value)}
    with pytest.raises(DivergedError) as caught:
        EpochLosses(sums, {"critic": 5}, "game", 7)
    assert (caught.value.term, caught.value.stage, caught.value.epoch) == ("critic/penalty", "game", 7)


class Copied:
    """The event of a copy that only arrives when somebody waits for it."""

    def __init__(self, host, values):
        self.host, self.values = host, values

    def query(self):
        return False

    def synchronize(self):
        self.host.copy_(self.values)


def test_what_is_under_way_is_read_once_it_is_there_and_judged_then(monkeypatch):
    def sent(values):
        host = torch.zeros_like(values)
        return host, Copied(host, values)

    monkeypatch.setattr(module, "_copy_to_host", sent)
    losses = EpochLosses({"critic/gap": double(10.0)}, {"critic": 5}, "game", 1)
    assert not losses.arrived
    assert losses.means() == {"critic/gap": 2.0}
    broken = EpochLosses({"critic/gap": double(float("nan"))}, {"critic": 5}, "game", 2)
    with pytest.raises(DivergedError):
        broken.means()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_host_does_not_wait_until_the_means_are_read():
    sums = {"critic/gap": double(10.0).cuda()}
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = EpochLosses(sums, {"critic": 5}, "game", 1)
        sums["critic/gap"].zero_()
        losses.arrived  # noqa: B018  to ask is not to wait
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses.means() == {"critic/gap": 2.0}
