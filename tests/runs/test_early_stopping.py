"""Early stopping on validation classes, then a training of as many epochs on all of trainval."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gzslbench.data.load import load_dataset
from gzslbench.data.validation import validation_dataset
from gzslbench.data.views import make_views
from gzslbench.errors import DataError, InterruptedRunError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.runs.execute import Options, execute, run_cell
from gzslbench.runs.load_trained import open_trained
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store
from gzslbench.training.trainer import Trainer, build_method

SETTINGS = ("epochs_rule=early-stopping", "lr=0.1", "batch_size=512")


def request(**changes):
    return Request("ale", "digits", settings=SETTINGS, **{"epochs": 30, **changes})


@pytest.fixture(scope="module")
def t1_by_epoch():
    """T1 of validation classes after each epoch, by the trainer and the evaluator alone."""
    plan = make_plan(request())
    view, held_out = make_views(validation_dataset(plan.dataset), plan.cells[0].preprocessing, "cpu")
    method = build_method(plan.spec, view, plan.params, seed=0)
    evaluator = Evaluator(view, held_out)
    return [
        evaluator.evaluate(method, end.epoch, 0).trace[-1].T1
        for end in Trainer(method, view, seed=0).epochs()
    ]


def stopped_at(values, patience=10):
    """The epoch of the highest T1 so far, when no higher one has come for ``patience`` epochs."""
    best = 0
    for epoch in range(1, len(values)):
        if values[epoch] > values[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best + 1


def test_the_epochs_are_those_of_the_rule_and_the_record_tells_them(tmp_path, t1_by_epoch):
    plan = make_plan(request())
    record, folder = run_cell(plan, plan.cells[0], Store(tmp_path), Options())
    best = stopped_at(t1_by_epoch)
    assert best + 10 < 30  # it did stop early
    assert record.validation.epoch == best
    assert record.validation.T1 == pytest.approx(t1_by_epoch[best - 1])
    assert record.selection == "last"
    assert record.metrics["last"].epoch == best
    assert record.cell.params["epochs"] == 30
    assert record.cell.validation == validation_dataset(plan.dataset).split.fingerprint
    fixed = make_plan(Request("ale", "digits", settings=("lr=0.1", "batch_size=512"), epochs=best))
    other, _ = run_cell(fixed, fixed.cells[0], Store(tmp_path), Options())
    assert other.id != record.id
    assert other.metrics["last"] == record.metrics["last"]
    assert open_trained(record, folder).method is not None


@pytest.mark.acceptance
@pytest.mark.parametrize("stop_after", [5, 40])
def test_an_interrupted_run_ends_with_the_same_numbers(tmp_path, stop_after):
    plan = make_plan(request())
    whole, _ = run_cell(plan, plan.cells[0], Store(tmp_path / "whole"), Options())
    store, calls = Store(tmp_path / "parts"), iter(range(10**6))

    class Stop:
        requested = False

        def __call__(self):
            return next(calls) >= stop_after

    folder = store.run(plan.cells[0].id)
    with folder.lock(), pytest.raises(InterruptedRunError):
        from gzslbench.runs.progress import Progress

        execute(plan, plan.cells[0], folder, Options(), Progress(), Stop(), {})
    record, _ = run_cell(plan, plan.cells[0], store, Options(resume=True))
    assert record.metrics == whole.metrics
    assert record.validation == whole.validation


def test_select_val_still_chooses_by_h(tmp_path):
    plan = make_plan(request(select="val", eval_every=1, epochs=5))
    record, _ = run_cell(plan, plan.cells[0], Store(tmp_path), Options())
    assert record.selection == "val"
    assert set(record.metrics) == {"val", "test-peek-gamma"}


def test_data_without_validation_classes_name_the_way_out(tmp_path):
    dataset = load_dataset("digits", None, None, None)
    keep = dataset.labels[dataset.split.trainval] == dataset.seen_classes[0]
    split = replace(dataset.split, trainval=dataset.split.trainval[keep])
    with pytest.raises(DataError, match="fewer than two seen classes") as raised:
        make_plan(request(), replace(dataset, split=split))
    assert "epochs_rule=fixed" in raised.value.fix
