"""What commands over many stored runs share: where to look, and which to take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from gzslbench.runs.record import PERCENTAGES, RULES

if TYPE_CHECKING:
    from gzslbench.report.leaderboard.entry import Entry
    from gzslbench.report.published import PublishedNumber
    from gzslbench.runs.store import RunFolder

Command = TypeVar("Command", bound=Callable[..., object])


def results_argument(command: Command) -> Command:
    """Folders that hold runs, ``results`` by default."""
    return click.argument("results", nargs=-1, type=click.Path(path_type=Path))(command)


def which_runs(command: Command) -> Command:
    """``--dataset`` and ``--method``."""
    for name, what in (("method", "methods"), ("dataset", "datasets")):
        option = click.option(f"--{name}", what, multiple=True, help=f"Only this {name}; repeatable.")
        command = option(command)
    return command


def which_number(command: Command) -> Command:
    """``--select`` and ``--metric``."""
    metric = click.option("--metric", type=click.Choice(PERCENTAGES), default="H", show_default=True)
    rule = click.option(
        "--select",
        "rule",
        type=click.Choice(RULES),
        default="last",
        show_default=True,
        help="Which rule chose the epochs. Those that peek at the test set compare with published habits"
        " alone.",
    )
    return rule(metric(command))


def roots(results: Sequence[Path]) -> Sequence[Path]:
    """The folders asked for."""
    from gzslbench.runs.store import DEFAULT_ROOT

    return results or (Path(DEFAULT_ROOT),)


def stored_entries(results: Sequence[Path], datasets: Sequence[str], methods: Sequence[str]) -> list[Entry]:
    """The runs in the folders asked for; one that lies in several of them counts once."""
    return stored_runs(results, datasets, methods)[0]


def stored_runs(
    results: Sequence[Path], datasets: Sequence[str], methods: Sequence[str]
) -> tuple[list[Entry], dict[str, RunFolder]]:
    """The runs in the folders asked for, and by id where each is; of several of one id, the last good one."""
    from gzslbench.report.leaderboard.entry import entry_of
    from gzslbench.runs.index import summaries
    from gzslbench.runs.store import Store

    found = {
        summary.id: (summary, store) for store in map(Store, roots(results)) for summary in summaries(store)
    }
    entries = [
        entry
        for entry in (entry_of(summary) for summary, _ in found.values())
        if (not datasets or entry.dataset in datasets)
        and (not methods or entry.summary.cell["method"] in methods)
    ]
    return entries, {run: store.run(run) for run, (_, store) in found.items()}


def every_published_number() -> list[PublishedNumber]:
    """All that any plugin offers."""
    from gzslbench.plugins.registry import plugins
    from gzslbench.report.published import published_numbers

    return [number for folder in plugins().published() for number in published_numbers(folder)]
