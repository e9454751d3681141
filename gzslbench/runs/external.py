"""Evaluate the scores or predicted labels of another program, and store them as an external result."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from gzslbench import __version__
from gzslbench.data.dataset import Dataset, content_fingerprint
from gzslbench.data.load import load_dataset
from gzslbench.data.variants import check_in_memory
from gzslbench.errors import DataError, GzslBenchError, ParamError, did_you_mean
from gzslbench.evaluation.calibration import bias_of
from gzslbench.evaluation.external import MetricsReport, report_of
from gzslbench.evaluation.predictions import fingerprint, load_predictions, save_predictions
from gzslbench.evaluation.row_matching import RowMatcher
from gzslbench.evaluation.score_files import read_given
from gzslbench.plugins.spec import Setting
from gzslbench.runs.cell import EXTERNAL_PREFIX, UNKNOWN, Cell, External, describe_task
from gzslbench.runs.record import EXTERNAL, EXTERNAL_SCHEMA, Record, RunInfo, RunMetrics
from gzslbench.runs.store import DEFAULT_ROOT, RunFolder, Store
from gzslbench.runs.verify import find_problems

MAX_TEXT = 500
"""Characters of a statement about an external result."""


@dataclass(frozen=True, eq=False, repr=False)
class ExternalResult:
    """An external result in the store: its record, its folder, and its metrics in percent."""

    record: Record
    folder: RunFolder
    metrics: MetricsReport

    def __repr__(self) -> str:
        """Return the id and the metrics."""
        return f"{self.record.id}: {self.metrics}"

    def _repr_html_(self) -> str:
        return self.metrics._repr_html_()


def evaluate(
    task: Dataset | str | Path,
    scores: Any,
    *,
    name: str,
    paper: str = "",
    url: str = "",
    setting: str = "inductive",
    pretraining: str = UNKNOWN,
    selection: str = UNKNOWN,
    seed: int = 0,
    features: str | None = None,
    semantics: str | None = None,
    data: str | Path | None = None,
    results: str | Path = DEFAULT_ROOT,
) -> ExternalResult:
    """Evaluate scores or predicted labels of another program, and store them as an external result.

    Views mark it as external, and never rank it with runs made here. A result that is stored already, with
    the same statements, is not stored again.

    Args:
        task: A dataset, its name or its folder.
        scores: A file, an array or a mapping, see ``gzslbench.evaluation.score_files.read_given``.
        name: What the method is called.
        paper: Where it is described.
        url: Where its program is.
        setting: What it learned from: inductive, class-transductive, evolving or transductive.
        pretraining: What the networks behind the scores learned from, for example ``imagenet-1k``.
        selection: How epochs and parameters were chosen, in the author's words.
        seed: Tells results of several trainings of one method apart; tables show their mean.
        features: The features of ``task``, if it is a name or a folder.
        semantics: The semantics of ``task``, if it is a name or a folder.
        data: The folder that holds the datasets.
        results: The folder where the result is stored.

    Raises:
        GzslBenchError: The dataset cannot be loaded, the scores do not fit it, a statement is not allowed, or
            the folder cannot be written; then nothing is stored.
    """
    stated = {"name": name, "paper": paper, "url": url, "pretraining": pretraining, "selection": selection}
    stated = {field: _check_text(field, text) for field, text in stated.items()}
    if selection == "stated":
        fix = "write how epochs and parameters were chosen, in words"
        raise ParamError("'stated' is not a way of choosing", where="selection", fix=fix)
    if setting not in get_args(Setting):
        fix = did_you_mean(f"{setting}", [*get_args(Setting)])
        raise ParamError(f"no setting {setting!r}", where="setting", fix=fix)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ParamError(f"the seed is {seed!r}", where="seed", fix="give a whole number from 0")
    if isinstance(task, Dataset):
        arrays = map(np.asarray, (task.features, task.labels, task.semantics))
        was_changed = content_fingerprint(*arrays) != task.content
        dataset = check_in_memory(task) if was_changed else task  # with other arrays it is another task
    else:
        dataset = load_dataset(task, features, semantics, data)
    test = RowMatcher(dataset)
    predictions = read_given(scores, dataset)
    report = report_of(predictions, test.class_names)
    external = External(predictions=fingerprint(predictions), setting=cast(Setting, setting), **stated)
    cell = Cell(
        method=EXTERNAL_PREFIX + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "result")[:60],
        method_version=1,
        dataset=dataset.name,
        task=dataset.task_id,
        preprocessing=UNKNOWN,
        params={},
        seed=seed,
        select=EXTERNAL,
        external=external,
    )
    record = Record(
        id=cell.id,
        status="complete",
        cell=cell,
        task=replace(describe_task(dataset), pretraining=external.pretraining),
        setting=external.setting,
        selection=EXTERNAL,
        metrics={
            EXTERNAL: RunMetrics(**report.as_dict(), epoch=0, head_epoch=0, **bias_of(predictions)._asdict())
        },
        run=RunInfo(
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=sys.argv,
            gzslbench=__version__,
            python=platform.python_version(),
            numpy=np.__version__,
            platform=platform.platform(terse=True),
        ),
        schema=EXTERNAL_SCHEMA,
    ).as_read()
    store = Store(Path(results))
    store.make()
    folder = store.run(record.id)
    with folder.lock():
        stored = folder.record()
        if stored is None:
            save_predictions(folder.predictions_file, predictions)
            folder.write_record(record)
    return ExternalResult(stored or record, folder, report)


def _check_text(field: str, text: str) -> str:
    """Return a statement without space around it; a ParamError if it is empty, too long or not one line."""
    if not isinstance(text, str):
        raise ParamError(f"{field} cannot be {text!r}", where=field, fix="give a text")
    text = text.strip()
    required = field not in ("paper", "url")
    what = ""
    if required and not text:
        what = "is empty"
    elif len(text) > MAX_TEXT or not text.isprintable():
        what = f"has more than {MAX_TEXT} characters" if len(text) > MAX_TEXT else "is not one line of text"
    elif field == "url" and text and not re.match(r"https?://\S+$", text):
        what = f"is not a web address: {text}"
    if what:
        fix = "give the name of the method" if field == "name" else "give one line of text, or leave it out"
        raise ParamError(f"{field} {what}", where=field, fix=fix)
    return text


class TruthCheck:
    """Compares the true classes of stored predictions with the data, and loads each task once."""

    def __init__(self, data: Path | None = None) -> None:
        """Take the folder that holds the datasets; None takes the usual one."""
        self.data = data
        self._tasks: dict[tuple[str, str, str], RowMatcher] = {}

    def find_problems(self, folder: RunFolder) -> tuple[list[str], str]:
        """Return what is wrong with a run, and why a consistent one was not compared with the data."""
        problems = find_problems(folder)
        record = None if problems else folder.record()
        if record is None:
            return problems, ""
        try:
            return list(filter(None, [self.find_problem(record, folder)])), ""
        except GzslBenchError as error:
            return [], error.what

    def find_problem(self, record: Record, folder: RunFolder) -> str | None:
        """Return what differs from the data; None if nothing does. Controls have test rows of their own.

        Raises:
            GzslBenchError: The data are not here, or are others than those of the record.
        """
        task = record.task
        if record.headline is None or record.control:
            return None
        names = task.dataset, task.features, task.semantics
        if names not in self._tasks:
            if Path(task.dataset).name != task.dataset:
                raise DataError(f"the record names a path instead of a dataset: {task.dataset}")
            self._tasks[names] = RowMatcher(load_dataset(*names, self.data))
        test, found = self._tasks[names], load_predictions(folder.predictions_file)
        if test.dataset.task_id != task.id:
            raise DataError(f"the data here are of the task {test.dataset.task_id}, not of {task.id}")
        for what, theirs, ours in (
            ("seen classes", found.seen, test.seen),
            ("true classes", found.labels, test.labels),
            ("class names", list(task.class_names or ()), test.class_names),
        ):
            if not np.array_equal(theirs, ours):
                return f"its {what} are not those of the data"
        return None
