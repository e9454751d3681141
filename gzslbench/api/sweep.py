"""Many runs: the cells of a suite, and the trials of a study."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args

from gzslbench.api.arguments import (
    check_arguments,
    require_choice,
    require_count,
    require_type,
    write_assignments,
)
from gzslbench.api.build import print_progress
from gzslbench.api.data import DatasetLike, load
from gzslbench.api.results import Results
from gzslbench.api.run import RunResult, watch_runs
from gzslbench.api.tables import TableView, make_table
from gzslbench.data.dataset import Dataset
from gzslbench.errors import InterruptedRunError
from gzslbench.files import write_atomically
from gzslbench.plugins.executor import Limits
from gzslbench.plugins.registry import plugins
from gzslbench.report.leaderboard.entry import read_entries
from gzslbench.report.printing import format_value
from gzslbench.report.tables import ResultTable
from gzslbench.runs.plan import Request
from gzslbench.runs.record import PERCENTAGES
from gzslbench.runs.store import Store
from gzslbench.sweeps.executors import PluginExecutor
from gzslbench.sweeps.planning import counts_line
from gzslbench.sweeps.runner import SweepResult, run_sweep
from gzslbench.sweeps.suites.suite import load_suite
from gzslbench.sweeps.tuning.tune import TuneRequest, require_optuna

Metric = Literal["H", "T1"]


@dataclass(frozen=True, repr=False)
class SweepOutcome(TableView):
    """The cells of a suite after a sweep.

    Attributes:
        result: What became of each cell.
        store: The folder of its runs.
    """

    result: SweepResult
    store: Store

    @property
    def complete(self) -> bool:
        """Whether every cell has a record, and none diverged."""
        return self.result.complete

    @property
    def runs(self) -> Results:
        """The stored runs of the suite."""
        ids = {summary.id for _, summary in self.result.summaries()}
        return Results([entry for entry in read_entries([self.store.root]) if entry.summary.id in ids])

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per cell: its state, its metrics in percent, and why it has none."""
        known = {summary.id: summary for _, summary in self.result.summaries()}
        failed = {one.planned.id: one.failure.what for one in self.result.results if one.failure is not None}
        rows = []
        for cell in self.result.planned:
            scores = known[cell.id].scores if cell.id in known else dict.fromkeys(PERCENTAGES)
            state: str = "failed" if cell.id in failed else cell.state
            state = known[cell.id].status if cell.id in known else state
            why = failed.get(cell.id) or (cell.why if state == "impossible" else None)
            rows.append({"name": cell.name, "id": cell.id, "state": state, **scores, "why": why})
        return rows

    def tables(self) -> Sequence[ResultTable]:
        """Return the cells as a table."""
        before = counts_line(self.result.planned)
        title = f"{len(self.result.planned)} cells; before the sweep {before}; {self.result.good} run now"
        return [make_table(title, self.rows(), ["continue or repeat it by the same call"], PERCENTAGES)]


@check_arguments
def sweep(
    suite: str | Path,
    *,
    only: str | Sequence[str] = (),
    data: str | Path | None = None,
    results: str | Path = "results",
    jobs: int | None = None,
    threads: int = 1,
    executor: str = "local",
    address: str | None = None,
    gpus_per_cell: float | None = None,
    timeout: float | None = None,
    retries: int = 2,
    checkpoint_every: int = 10,
    failed: bool = False,
    quiet: bool = False,
) -> SweepOutcome:
    """Run the cells of a suite that have no record yet, several at the same time, in processes of their own.

    If you stop it, the running cells are saved; the same call continues.

    Args:
        suite: The name of a bundled suite, or a .toml file.
        only: Only runs with one of these texts in their name.
        data: The folder that holds the datasets.
        results: The folder where the records are stored.
        jobs: The number of cells at the same time. Default: what the machine can run.
        threads: The number of threads of a cell.
        executor: What starts the processes: local, ray, or a plugin's.
        address: The address of the cluster, for ``executor="ray"``.
        gpus_per_cell: The share of a GPU that a cell takes. Default: that of its method.
        timeout: Seconds after which a cell is killed.
        retries: How often a cell starts again after its process died.
        checkpoint_every: Epochs between two checkpoints.
        failed: Whether to run only cells that failed when they were last tried.
        quiet: Whether to print nothing.

    Raises:
        ParamError: There is no such suite, or a run of it is wrong.
        InterruptedRunError: You stopped it.
    """
    require_count("checkpoint_every", checkpoint_every)
    selected = load_suite(str(suite)).select((only,) if isinstance(only, str) else tuple(only), _path(data))
    store = Store(Path(results))
    with _without_main():
        result = run_sweep(
            selected,
            store,
            PluginExecutor(executor, Limits(jobs, threads, timeout, retries, address)),
            only_failed=failed,
            gpus_per_cell=gpus_per_cell,
            checkpoint_every=checkpoint_every,
            ship_data=address is not None,
            say=print_progress(quiet),
        )
    if result.stopped:
        what = f"the sweep was stopped; {len(result.to_run) - result.good} of its cells are not finished"
        raise InterruptedRunError(what, where=store.root, fix="call it again to continue")
    return SweepOutcome(result, store)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep the processes inside from running the user's script again, as multiprocessing would have them."""
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {
        name: main.__dict__.pop(name) for name in ("__file__", "__spec__") if name in main.__dict__
    }
    main.__dict__["__spec__"] = None
    try:
        yield
    finally:
        main.__dict__.update(hidden)


@dataclass(frozen=True, repr=False)
class TuneOutcome(TableView):
    """What tuning came to.

    Attributes:
        best: Every parameter of the best trial, for ``gzslbench.run(params=...)``.
        value: Its metric on validation classes, in percent.
        test: The run with these parameters on all of trainval, tested once; None without a test.
        trials: A dictionary per trial: its number, its state, its value, the searched parameters.
        table: The text of a file that ``gzslbench.run(preset=...)`` takes.
        metric: What ``value`` is.
    """

    best: Mapping[str, Any]
    value: float
    test: RunResult | None
    trials: Sequence[Mapping[str, Any]]
    table: str
    metric: str

    def write(self, path: str | Path) -> Path:
        """Write ``table`` to a file, and return its path."""
        write_atomically(Path(path), self.table)
        return Path(path)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per trial."""
        return [dict(trial) for trial in self.trials]

    def tables(self) -> Sequence[ResultTable]:
        """Return the trials as a table, and the test."""
        best = f"{self.metric} {self.value:.2f} on validation classes"
        title = f"{len(self.trials)} trials; the best has {best}"
        test = [] if self.test is None else self.test.tables()
        rows = [{name: format_value(value) for name, value in trial.items()} for trial in self.trials]
        return [make_table(title, rows, numbers=("value",)), *test]


@check_arguments
def tune(
    method: str,
    dataset: DatasetLike,
    *,
    search: Mapping[str, object] | None = None,
    trials: int = 20,
    metric: Metric = "H",
    params: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    eval_every: int | None = None,
    timeout: float | None = None,
    seed: int = 0,
    study: str | Path | None = None,
    name: str | None = None,
    sampler: Literal["tpe", "random"] = "tpe",
    pruning: bool = True,
    features: str | None = None,
    semantics: str | None = None,
    data: str | Path | None = None,
    device: str = "auto",
    precision: Literal["fp32", "tf32", "bf16"] = "fp32",
    results: str | Path = "results",
    test: bool = True,
    workers: int | None = None,
    executor: str = "local",
    address: str | None = None,
    quiet: bool = False,
) -> TuneOutcome:
    """Search a method's parameters on validation classes inside trainval, never on test.

    The study is stored; if you stop it, the same call continues. Needs optuna.

    Args:
        method: A name from ``gzslbench.methods()``, or of a class given to ``gzslbench.register``.
        dataset: A name, a path, or a loaded Dataset.
        search: By parameter, where to search, for example ``{"lr": "1e-5..1e-3:log"}``. Default: as the
            method says.
        trials: The number of trials of the study in total.
        metric: The score of a trial on the validation classes.
        params: Parameters that are fixed, and not searched.
        epochs: The number of epochs of a trial.
        eval_every: Epochs between two evaluations of a trial. Default: a tenth of the preset's epochs.
        timeout: Seconds after which no trial starts.
        seed: The root seed of every trial, of the sampler and of the test.
        study: The file of the study. Default: in ``results``.
        name: The name of the study in its file. Default: method and dataset.
        sampler: ``tpe`` searches near good trials.
        pruning: Whether a trial below the median of the others ends early.
        features: The feature file without its ending. Default: the dataset's own.
        semantics: For example ``att`` or ``sent``. Default: the dataset's own.
        data: The folder that holds the datasets.
        device: auto, cpu, cuda, or cuda:N.
        precision: The precision of the matrix products.
        results: The folder where the record of the test is stored.
        test: Whether to train with the best parameters on all of trainval, and test once.
        workers: The number of processes that run trials. Default: this process runs them.
        executor: What starts the processes.
        address: The address of the cluster, for ``executor="ray"``.
        quiet: Whether to print nothing.

    Raises:
        ParamError: A parameter or an argument is wrong.
        InterruptedRunError: You stopped it.
        GzslBenchError: optuna is not installed.
    """
    given: dict[str, Any] = dict(locals())
    require_type("method", method, (str,), "give a name from `gzslbench methods`")
    require_optuna()
    from gzslbench.sweeps.tuning.best_trial import run_tune  # imports optuna

    require_type("search", search, (Mapping, type(None)), 'write {"lr": "1e-5..1e-3:log"}')
    require_count("trials", trials, least=1)
    require_count("seed", seed)
    require_choice("metric", metric, get_args(Metric))
    require_choice("sampler", sampler, ("tpe", "random"))
    require_type("timeout", timeout, (float, int, NoneType), "give seconds, or leave it out")
    for argument, count in (("eval_every", eval_every), ("workers", workers)):
        require_count(argument, 1 if count is None else count)
    settings = write_assignments(plugins().method(method).params, params, "params")
    task = load(dataset, features, semantics, data)
    own = task if isinstance(dataset, Dataset) else None
    same = {field.name: given[field.name] for field in fields(Request) if field.name in given}
    names = {"dataset": task.name if own else str(dataset), "data": _path(data), "seeds": (seed,)}
    run = Request(**{**same, **names, "settings": settings, "eval_every": 0})
    searches = tuple(f"{key}={space}" for key, space in (search or {}).items())
    of_study = {field.name: given[field.name] for field in fields(TuneRequest) if field.name in given}
    places = {"study": _path(study), "results": Path(results)}
    request = TuneRequest(**{**of_study, **places, "run": run, "searches": searches})
    processes: dict[str, Any] = {"executor": executor, "workers": workers, "address": address}
    with _without_main():
        say, watch = print_progress(quiet), watch_runs(quiet)
        done = run_tune(request, watch, say, test=test, carried=own, **processes)
    found = [
        {"trial": one.number, "state": one.state, "value": one.value, **one.values}
        for one in done.result.trials
    ]
    tested = None if done.test is None else RunResult([done.test[0]], [done.test[1]])
    value = done.best.trial.value or 0.0
    return TuneOutcome(dict(done.best.preset.values), value, tested, found, done.best.table(method), metric)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
