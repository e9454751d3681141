"""Whether a method keeps away from the test rows."""

from __future__ import annotations

from contextlib import suppress

from gzslbench.data.synthetic.dataset import load_synthetic
from gzslbench.errors import DivergedError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.testing.check import NotApplicable, demand
from gzslbench.testing.methods.case import SEED, MethodCase
from gzslbench.testing.sealing import found_among, rows_of_test, sealed
from gzslbench.training.construction import build_method
from gzslbench.training.trainer import Trainer

_FIX = "train on the view that the constructor gets, and on nothing else"


def no_test_row_is_within_reach(case: MethodCase) -> None:
    """Trained beside test rows that raise when read, it reads none, and it keeps none that it is asked of."""
    if case.spec.setting == "transductive":
        raise NotApplicable("it is transductive, and sees the test rows, unlabelled, by right")
    dataset = load_synthetic()
    view, held_out = case.views(dataset)
    rows, width = rows_of_test(dataset, held_out, view), view.features.shape[1]
    evaluator = Evaluator(view, held_out)
    with sealed(held_out) as (beside, tried):
        try:
            method = build_method(case.spec, view, case.params(), SEED)
            trainer = Trainer(method, view, SEED)
            with suppress(DivergedError):  # which other checks tell of
                for _ in trainer.epochs():
                    pass
        except Exception:
            demand(not tried, tried[0] if tried else "", _FIX)
            raise
        del beside
    demand(not tried, tried[0] if tried else "", _FIX)
    kept = found_among(rows, width, method)
    demand(kept is None, f"{kept} holds test rows after the training", _FIX)
    with suppress(DivergedError):
        evaluator.evaluate(method, trainer.counted_epochs, SEED)
    kept = found_among(rows, width, method)
    demand(
        kept is None,
        f"{kept} holds test rows after an evaluation",
        "keep nothing of what embed and scores are handed",
    )
