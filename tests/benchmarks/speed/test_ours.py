from __future__ import annotations

import pytest

from gzslbench.evaluation.evaluator import Evaluator
from gzslbench_benchmarks.speed import ours
from gzslbench_benchmarks.speed.ours import WARM_UP_EPOCHS, ce_gzsl_training, f_clswgan_epoch


def test_a_training_starts_again_each_time_and_evaluates_after_every_epoch(conditions, monkeypatch):
    epochs, methods, evaluate = [], [], Evaluator.evaluate

    def noted(self, method, epoch, seed):
        epochs.append(epoch)
        methods.append(method)
        return evaluate(self, method, epoch, seed)

    monkeypatch.setattr(Evaluator, "evaluate", noted)
    train = ce_gzsl_training(conditions.shape("AWA2"), conditions, 3)
    assert epochs == [1, 2] and WARM_UP_EPOCHS == 2
    train()
    train()
    assert epochs == [1, 2, 1, 2, 3, 1, 2, 3]
    assert len(set(map(id, methods))) == 3


@pytest.mark.parametrize("graphs", [True, False])
def test_an_epoch_of_f_clswgan_is_trained_with_graphs_or_without(conditions, monkeypatch, graphs):
    wanted, trainer = [], ours.Trainer

    def noted(*arguments, **options):
        wanted.append(options["graphs"])
        return trainer(*arguments, **options)

    monkeypatch.setattr(ours, "Trainer", noted)
    f_clswgan_epoch(conditions.shape("FLO"), conditions, graphs=graphs)()
    assert wanted == [graphs]
