"""Run a method on a dataset, and look at the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal

from gzslbench.api.arguments import (
    check_arguments,
    read_seeds,
    require_choice,
    require_count,
    require_type,
    write_assignments,
)
from gzslbench.api.data import DatasetLike, load
from gzslbench.api.tables import TableView
from gzslbench.data.dataset import finetuning_note
from gzslbench.data.preprocessing import PREPROCESSINGS
from gzslbench.errors import InterruptedRunError, StoreError
from gzslbench.evaluation.metrics import Metrics
from gzslbench.evaluation.selection import RULES
from gzslbench.plugins.head import SOFTMAX
from gzslbench.plugins.registry import plugins
from gzslbench.report.tables import ResultTable, TableCell
from gzslbench.report.terminal.run import chance_line
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.progress import Progress, Watch
from gzslbench.runs.record import PERCENTAGES, Record, Summary
from gzslbench.runs.store import RunFolder, Store
from gzslbench.runs.tracking import resolve_trackers
from gzslbench.runs.verify import read_predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gzslbench.evaluation.predictions import Predictions
    from gzslbench.runs.predictor import Predictor


@dataclass(frozen=True, repr=False)
class RunResult(TableView):
    """The runs of one method on one task, one for each seed.

    Attributes:
        records: The records, by seed as they were requested.
        folders: Where each of them is stored.
    """

    records: Sequence[Record]
    folders: Sequence[RunFolder]

    @property
    def rule(self) -> str:
        """The selection rule of ``metrics``, for example ``last`` or ``val-calibrated``."""
        return self.records[0].reported

    @property
    def metrics(self) -> Metrics:
        """The mean over the seeds of U, S, H, T1 and AUSUC, in percent, by ``rule``.

        Raises:
            StoreError: A run diverged.
        """
        for record, folder in zip(self.records, self.folders, strict=True):
            if record.headline is None:
                what = f"the run of seed {record.cell.seed} diverged"
                what += f": {record.failure}" if record.failure else ""
                fix = "lower the learning rate, or leave this seed out and say so"
                raise StoreError(what, where=folder.path, fix=fix)
        return Metrics(**{name: self._mean(name) for name in PERCENTAGES})

    @property
    def deviations(self) -> Mapping[str, float]:
        """The standard deviation over the seeds of each metric; empty for a single seed."""
        return {name: stdev(self._values(name)) for name in PERCENTAGES if len(self._values(name)) > 1}

    @property
    def predictions(self) -> dict[int, Predictions]:
        """By seed, what was predicted for each test row: those of test_seen, then those of test_unseen.

        Classes are positions in ``classes``. Of a calibrated run they are those before calibration.
        """
        pairs = zip(self.records, self.folders, strict=True)
        return {record.cell.seed: read_predictions(record, folder) for record, folder in pairs}

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the candidate classes, in the order that ``predictions`` count them."""
        return tuple(self.records[0].task.class_names or ())

    def plot_curve(self, seed: int | None = None) -> Figure:
        """Draw the seen-unseen curve of a seed, by default the first: U and S as gamma grows.

        Raises:
            GzslBenchError: matplotlib is not installed, or the run has no predictions.
        """
        from gzslbench.evaluation.curve import seen_unseen_curve
        from gzslbench.report.figures.run_figures import require_matplotlib

        require_matplotlib()
        from gzslbench.report.figures.predictions import seen_unseen_figure

        record, folder = self._of(seed)
        curve = seen_unseen_curve(read_predictions(record, folder))
        return seen_unseen_figure(curve, getattr(record.headline, "gamma", None))

    def predictor(self, seed: int | None = None, *, data: str | Path | None = None) -> Predictor:
        """Load the trained model of a seed, by default the first, to classify new rows of features."""
        from gzslbench.runs.predictor import open_predictor

        record, folder = self._of(seed)
        return open_predictor(record, folder, data=None if data is None else Path(data))

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per seed: what was run, its metrics in percent, and its id."""
        return [summary_row(record) for record in self.records]

    def tables(self) -> Sequence[ResultTable]:
        """Return the metrics by seed, with their mean and standard deviation."""
        first, rows = self.records[0], []
        for record in self.records:
            missing = "diverged" if record.headline is None else "–"
            shown = [missing if score is None else f"{score:.2f}" for score in record.scores.values()]
            rows.append([f"seed {record.cell.seed}", *shown])
        if self.deviations:
            ends = [(self._mean(name), self.deviations.get(name)) for name in PERCENTAGES]
            rows.append(["mean", *("–" if end is None else f"{mean:.2f} ± {end:.2f}" for mean, end in ends)])
        root = self.folders[0].path.parent
        control = f", control {first.control}" if first.control else ""
        how = RULES.get(self.rule, "not run here; the selection is as its author states")
        finetuning = finetuning_note(first.task.notes)
        stored = f"stored in {root}: {', '.join(record.id for record in self.records)}"
        return [
            ResultTable(
                f"{first.cell.method} on {first.task.id}{control}: {how}",
                ["in percent", *PERCENTAGES],
                [list(map(TableCell, row)) for row in rows],
                notes=[*filter(None, (*map(chance_line, self.records), finetuning)), stored],
            )
        ]

    def _of(self, seed: int | None) -> tuple[Record, RunFolder]:
        seeds = [record.cell.seed for record in self.records]
        require_choice("seed", seeds[0] if seed is None else seed, seeds)
        at = 0 if seed is None else seeds.index(seed)
        return self.records[at], self.folders[at]

    def _values(self, name: str) -> list[float]:
        found = (getattr(record.headline, name, None) for record in self.records)
        return [value for value in found if value is not None]

    def _mean(self, name: str) -> Any:
        """Return the mean; None for a metric that an external result does not have."""
        return fmean(self._values(name)) if self._values(name) else None


def summary_row(summary: Summary) -> dict[str, Any]:
    """Return what a data frame shows of a run."""
    cell, task, headline = summary.cell, summary.task, summary.headline
    return {
        "method": cell.method,
        "dataset": task.dataset,
        "features": task.features,
        "semantics": task.semantics,
        "seed": cell.seed,
        "rule": summary.reported,
        **summary.scores,
        "gamma": getattr(headline, "gamma", None),
        "epoch": getattr(headline, "epoch", None),
        "setting": summary.setting,
        "control": summary.control,
        "status": summary.status,
        "minutes": summary.run.seconds / 60,
        "started": summary.run.started,
        "task": task.id,
        "id": summary.id,
    }


@check_arguments
def run(
    method: str,
    dataset: DatasetLike,
    *,
    seeds: int | Iterable[int] = 0,
    params: Mapping[str, Any] | None = None,
    preset: str | Path | None = None,
    features: str | None = None,
    semantics: str | None = None,
    data: str | Path | None = None,
    head: str | None = None,
    head_params: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    eval_every: int = 10,
    eval_repeats: int = 1,
    select: Literal["last", "val"] = "last",
    calibrate: Literal["none", "val"] = "none",
    validation_features: str | None = None,
    preprocessing: str | None = None,
    control: Literal["shuffled", "oracle", "chance"] | None = None,
    shuffle_semantics: int | None = None,
    device: str = "auto",
    precision: Literal["fp32", "tf32", "bf16"] = "fp32",
    deterministic: bool = False,
    results: str | Path = "results",
    resume: bool = True,
    rerun: bool = False,
    checkpoint_every: int = 10,
    graphs: bool = True,
    track: Sequence[str] = (),
    quiet: bool = False,
) -> RunResult:
    """Train a method on a dataset with one or more seeds, test it, and store the records.

    A run that is stored already is read, not run again. If you stop it, its state is saved, and the same call
    continues it. The arguments are the options of ``gzslbench run``, whose help says more about each.

    Args:
        method: A name from ``gzslbench.methods()``, or of a class given to ``gzslbench.register``.
        dataset: A name, a path, or a loaded Dataset, also one that you made or changed in memory.
        seeds: The root seeds; one run for each.
        params: Parameters of the method that differ from its preset; ``epochs`` can be given on its own.
        preset: A file of ``gzslbench tune --write`` to take the settings from. Default: the method's own.
        features: The feature file without its ending. Default: the dataset's own; so for ``semantics``.
        semantics: For example ``att`` or ``sent``.
        data: The folder that holds the datasets. Default: $GZSLBENCH_DATA, else ./data.
        head: The classifier of a generative method, with ``head_params``. Default: softmax.
        head_params: Parameters of the head that differ from its preset.
        epochs: The number of epochs.
        eval_every: Epochs between two evaluations; 0 evaluates only at the end.
        eval_repeats: Final evaluations, each with new random numbers, whose mean is reported.
        select: How the number of epochs is chosen: ``last`` is that of the preset.
        calibrate: ``val`` lowers the scores of seen classes by a constant chosen on validation classes.
        validation_features: The features of the trainings on validation classes. Default: ``features``.
        preprocessing: How features are scaled: none, minmax, l2, standardize. Default: the method's own.
        control: A control experiment, which is in no ranking.
        shuffle_semantics: The seed of ``control="shuffled"``; it selects this control.
        device: auto, cpu, cuda, or cuda:N.
        precision: The precision of the matrix products.
        deterministic: Whether to use only deterministic algorithms.
        results: The folder where the records are stored.
        resume: Whether to continue an interrupted run from its checkpoint.
        rerun: Whether to run again what is finished or interrupted, from the beginning.
        checkpoint_every: Epochs between two checkpoints; 0 writes them on interruption and at the end.
        graphs: Whether to replay captured steps on CUDA.
        track: Names of trackers that get the metrics during the run.
        quiet: Whether to show no progress.

    Raises:
        ParamError: A parameter or an argument is unknown, of a wrong type, or out of range.
        DataError: The dataset is missing or damaged.
        InterruptedRunError: You stopped it; what was done is saved.
        GzslBenchError: Anything else that you can correct; the message says how.
    """
    given = dict(locals())
    fix = "give the name of an installed method, or register the class first: gzslbench.register(MyMethod)"
    require_type("method", method, (str,), fix)
    for name in ("eval_every", "checkpoint_every"):
        require_count(name, given[name])
    require_count("eval_repeats", eval_repeats, least=1)
    require_count("shuffle_semantics", shuffle_semantics or 0)
    require_choice("preprocessing", preprocessing, (None, *PREPROCESSINGS))
    track = (track,) if isinstance(track, str) else tuple(track)
    resolve_trackers(track)
    settings = write_assignments(plugins().method(method).params, params, "params")
    head_settings = _head_settings(head, head_params)
    chosen = {"seeds": read_seeds(seeds), "settings": settings, "head_settings": head_settings}
    task = load(dataset, features, semantics, data)
    names = {"dataset": task.name, "features": task.features_name, "semantics": task.semantics_name}
    same = {field.name: given[field.name] for field in fields(Request) if field.name in given}
    places = {"data": None, "preset": None if preset is None else Path(preset)}
    tuned = None if validation_features is None else load(dataset, validation_features, semantics, data)
    plan = make_plan(Request(**{**same, **chosen, **names, **places}), task, tuned)
    options = Options(resume and not rerun, rerun, checkpoint_every, graphs=graphs, track=track)
    store, watch, found = Store(Path(results)), watch_runs(quiet), []
    for cell in plan.cells:
        try:
            with watch(cell) as progress:
                found.append(run_cell(plan, cell, store, options, progress))
        except KeyboardInterrupt as error:
            what = f"stopped; run {cell.id} and the seeds after it are not finished"
            raise InterruptedRunError(what, where=store.root, fix="call it again to continue") from error
    return RunResult([record for record, _ in found], [folder for _, folder in found])


def watch_runs(quiet: bool) -> Watch:
    """Return what shows the progress of each run, or what shows nothing."""
    if quiet:
        return lambda _cell: nullcontext(Progress())
    from gzslbench.report.terminal.progress import watch_run

    return partial(watch_run, plain=False)


def _head_settings(head: str | None, params: Mapping[str, Any] | None) -> tuple[str, ...]:
    if not params:
        return ()
    if head in (None, SOFTMAX):
        return ("",)  # the plan says that the softmax head has no parameters
    return write_assignments(plugins().head(str(head)).params, params, "head_params")
