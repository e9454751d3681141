"""gzslbench regress: the alarm on stored metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gzslbench.errors import ParamError
from gzslbench.runs.store import DEFAULT_ROOT

if TYPE_CHECKING:
    from gzslbench.sweep.suites.suite import Suite, SuiteRun

EPILOG = """\b
Examples:
  gzslbench regress
  gzslbench regress flo-lite0 --only eszsl --only cnzsl
  gzslbench regress mine.toml --stored mine.json --update --reason "first measurement"

The runs are made anew, in a folder of their own under ./results, unless --results names one that holds them.
A mean has moved where it differs from the stored one by more than the suite's tolerance. Where it names none,
that is three standard deviations over its seeds, and at least three points. It is doubled for what was stored
on another kind of device.

Exit status: 0 nothing moved; 1 something did, or a run diverged; 2 something to mend; 130 interrupted.
"""


@click.command(epilog=EPILOG)
@click.argument("suite", default="digits")
@click.option("--only", metavar="TEXT", multiple=True, help="Only runs with TEXT in their name; repeatable.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Keep the runs there; those that are finished are read, not run again, and interrupted ones go on."
    " [default: a new folder under ./results]",
)
@click.option(
    "--stored",
    type=click.Path(path_type=Path),
    help="The stored metrics. [default: those bundled with the suite; the .json beside a suite's path]",
)
@click.option("--update", is_flag=True, help="Store what was measured; the rest of the file stays.")
@click.option("--reason", help="Why the stored numbers are replaced; --update asks for it.")
def regress(
    suite: str,
    only: tuple[str, ...],
    results: Path | None,
    stored: Path | None,
    update: bool,
    reason: str | None,
) -> None:
    """Run SUITE again and compare with its stored metrics.

    SUITE is a bundled one, such as flo-lite0, or a .toml; by default digits, a minute of every method.
    """
    from gzslbench.report.terminal.progress import watch_run
    from gzslbench.runs.store import Store
    from gzslbench.sweep.suites.measuring import measure
    from gzslbench.sweep.suites.stored import make_writable, read_stored
    from gzslbench.sweep.suites.suite import load_suite

    if update and not reason:
        raise ParamError("--update replaces stored numbers", where="--reason", fix='say why: --reason "…"')
    loaded = load_suite(suite)
    file = stored or stored_file(loaded)
    known = {} if update and not file.exists() else read_stored(file)
    asked = _asked(loaded, only)
    if update:
        make_writable(file)
    measured = measure(asked, Store(results or _new_folder(loaded.name)), watch_run, loaded.tolerance)
    compared = {name: group for name, group in known.items() if not only or name in measured}
    alarming = _tell(loaded, compared, measured)
    if update:
        _store(loaded, file, {**known, **measured}, str(reason))
    failed = any("failure" in run for group in measured.values() for run in group["runs"])
    if failed or (alarming and not update):
        raise SystemExit(1)


def stored_file(suite: Suite) -> Path:
    """Where the metrics of a suite are stored unless the user says otherwise."""
    bundled = suite.path.parent.parent / "metrics" / f"{suite.name}.json"
    return bundled if suite.path.parent.name == "suites" else suite.path.with_suffix(".json")


def _new_folder(name: str) -> Path:
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
    return Path(DEFAULT_ROOT) / f"regress-{name}-{moment}"


def _asked(suite: Suite, only: Sequence[str]) -> list[SuiteRun]:
    asked = [run for run in suite.runs if not only or any(text in run.name for text in only)]
    if not asked:
        raise ParamError(
            f"no runs of {suite.name!r} have {' or '.join(map(repr, only))} in their name",
            where="--only",
            fix=f"the names are: {', '.join(dict.fromkeys(run.name for run in suite.runs))}",
        )
    return asked


def _tell(suite: Suite, stored: Mapping[str, Any], measured: Mapping[str, Any]) -> bool:
    """Print what was measured and what moved; whether anything must be looked at."""
    from gzslbench.report.tables import to_console
    from gzslbench.report.terminal.checks import changes_table, measured_table
    from gzslbench.report.terminal.printing import make_console
    from gzslbench.sweep.suites.stored import compare

    out = make_console()
    out.print(to_console(measured_table(measured)))
    out.print()
    changes = list(compare(stored, measured))
    out.print(to_console(changes_table(suite.name, changes)))
    return any(change.alarming for change in changes)


def _store(suite: Suite, file: Path, groups: Mapping[str, Any], reason: str) -> None:
    """Store the groups that the suite has, in its order."""
    from gzslbench.sweep.suites.stored import write_stored

    names = dict.fromkeys(run.name for run in suite.runs)
    kept = {name: groups[name] for name in names if name in groups}
    date = datetime.now(timezone.utc).date().isoformat()
    content = {"suite": suite.name, "title": suite.title, "date": date, "reason": reason, "runs": kept}
    write_stored(file, content)
    click.echo(f"stored in {file}")
