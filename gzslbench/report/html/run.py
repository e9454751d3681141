"""The page of one run."""

from __future__ import annotations

from gzslbench.errors import GzslBenchError, StoreError
from gzslbench.evaluation.predictions import Predictions, load_predictions
from gzslbench.report.html.content import method_of
from gzslbench.report.html.figures import figures_of_run_page
from gzslbench.report.html.template import rendered
from gzslbench.report.leaderboard.entry import Entry
from gzslbench.report.terminal.predictions import ClassOutcome, class_outcomes
from gzslbench.report.terminal.run import CHOSEN_ON, record_sections, repeat_command
from gzslbench.runs.record import EPOCHS, PERCENTAGES, RULES, SELECTIONS, Record
from gzslbench.runs.store import RunFolder
from gzslbench.runs.verify import complaints


def run_page(entry: Entry, folder: RunFolder, drawn: bool) -> str:
    """All that is known of a run, with its figures where pages are ``drawn``.

    Raises:
        StoreError: Its record has gone or been damaged since it was listed.
    """
    record = folder.record()
    if record is None:
        raise StoreError("the record is gone", where=folder.record_file, fix="make the report again")
    return rendered(
        "run.html",
        base="../",
        record=record,
        method=method_of(entry),
        changes=entry.changes,
        rules=[rule for rule in RULES if rule in record.metrics],
        honest=SELECTIONS,
        chosen_on=CHOSEN_ON,
        columns=(*PERCENTAGES, *EPOCHS),
        command=repeat_command(record),
        complaints=complaints(folder),
        classes=_classes(record, folder),
        sections=record_sections(record),
        figures=figures_of_run_page(record, folder) if drawn else [],
    )


def _classes(record: Record, folder: RunFolder) -> list[ClassOutcome]:
    """Every candidate class, none where the predictions cannot be read; the complaints say so."""
    names = record.task.get("class_names") or []
    try:
        predictions: Predictions = load_predictions(folder.predictions_file)
    except GzslBenchError:
        return []
    return class_outcomes(predictions, names) if len(names) == len(predictions.seen) else []
