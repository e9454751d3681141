"""Studies of a second on digits."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

pytest.importorskip("optuna")

from gzslbench.runs.plan import Request
from gzslbench.runs.progress import Progress
from gzslbench.sweeps.tuning.tune import TuneRequest, open_tuning, search


@pytest.fixture
def make_request(tmp_path):
    """Create a request that tunes three parameters of a small network on digits."""

    def make(*, trials=3, settings=("hidden=8",), searches=(), seed=0, epochs=2, method="cnzsl", **fields):
        run = Request(method, "digits", settings=settings, epochs=epochs, seeds=(seed,), device="cpu")
        fields = {"study": tmp_path / "study.journal", "results": tmp_path / "results", **fields}
        return TuneRequest(run, trials=trials, searches=searches, **fields)

    return make


@pytest.fixture
def tuned():
    """Run a study to its end in this process."""

    def run(request, watch=lambda cell: nullcontext(Progress())):
        tuning = open_tuning(request)
        search(tuning, watch, lambda line: None)
        return tuning

    return run


@pytest.fixture
def facts():
    """List of every trial what a repetition must have to the bit."""

    def of(tuning):
        return [
            (trial.number, trial.state, trial.values, trial.value, trial.epochs)
            for trial in tuning.result.trials
        ]

    return of
