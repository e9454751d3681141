"""Attack the toolkit and report what breaks: ``python -m gzslbench_benchmarks.torture``."""

from __future__ import annotations

import fnmatch
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import click

from gzslbench._version import VERSION
from gzslbench.cli.group import INTERRUPTED, UserError
from gzslbench.errors import GzslBenchError, ParamError, did_you_mean
from gzslbench_benchmarks.commit import commit_of
from gzslbench_benchmarks.torture.attacks import find_attacks
from gzslbench_benchmarks.torture.findings import Attempt, Results

FOUND = 1
_SAVE_EVERY = 10.0
EPILOG = """\b
Examples:
  python -m gzslbench_benchmarks.torture --minutes 2
  python -m gzslbench_benchmarks.torture --minutes 60 --results torture.json
  python -m gzslbench_benchmarks.torture --only record --number 17
  python -m gzslbench_benchmarks.torture --only '*-killed' --minutes 20

A line is printed for the first finding of each kind, with a command that repeats it, and a table at the end.
With --results, the next call with the same file and seed goes on after the attempts in it.

Exit status: 0 nothing found; 1 findings; 2 an error to fix; 130 interrupted.
"""


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(min=0), default=2, show_default=True, help="Time to spend.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every attack.")
@click.option(
    "--only", metavar="NAME", help="Only this attack, or attempts of this name, or of those like '*-killed'."
)
@click.option("--number", type=click.IntRange(min=0), help="With --only: only this attempt, counted from 0.")
@click.option("--results", type=click.Path(path_type=Path), help="File for counts and findings (JSON).")
def main(minutes: float, seed: int, only: str | None, number: int | None, results: Path | None) -> None:
    """Attack the toolkit, in turn in every way, until the time is over."""
    try:
        if number is not None and only is None:
            raise ParamError("a number without a name", where="--number", fix="name the attempts with --only")
        found = run(minutes, seed, only, number, results)
    except GzslBenchError as error:
        raise UserError(str(error)) from error
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    click.echo(found.table())
    raise SystemExit(FOUND if found.findings else 0)


def run(
    minutes: float, seed: int, only: str | None = None, number: int | None = None, file: Path | None = None
) -> Results:
    """Attack for ``minutes``, print each finding, and return all results, those of ``file`` included.

    Raises:
        ParamError: There is no attack and no attempt ``only``, or ``file`` is of another seed.
        DataError: ``file`` cannot be read or written.
    """
    results = Results(seed) if file is None else Results.read(file, seed)
    results.calls += 1
    results.version, results.commit = VERSION, commit_of(Path(__file__))
    results.date = datetime.now(timezone.utc).date().isoformat()
    start = saved = time.monotonic()
    before = results.seconds
    # Attacks leave whole folders behind when they are stopped; these lie inside this one.
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as scratch:
        queues = _open_attacks(seed, only, number, Path(scratch), results.done if number is None else {})
        spent = dict.fromkeys(queues, 0.0)
        try:
            while queues and (now := time.monotonic()) - start < 60 * minutes:
                attack = min(queues, key=spent.__getitem__)  # each attack gets the same time
                attempt = next(queues[attack], None)
                if attempt is None:
                    del queues[attack]
                    continue
                finding = results.add(attack, attempt, attempt.run())
                spent[attack] += time.monotonic() - now
                if finding is not None:
                    click.echo(str(finding))
                if file is not None and now - saved > _SAVE_EVERY:
                    results.write(file)
                    saved = now
        finally:
            results.seconds = round(before + time.monotonic() - start, 1)
            if file is not None:
                results.write(file)
    return results


def _open_attacks(
    seed: int, only: str | None, number: int | None, root: Path, done: dict[str, int]
) -> dict[str, Iterator[Attempt]]:
    """Return the attempts still to do, by attack, or by what ``only`` names, which is counted apart."""
    attacks, names = find_attacks(), set[str]()
    queues: dict[str, Iterator[Attempt]] = {}
    for attack, attempts in attacks.items():
        folder = root / attack
        folder.mkdir()
        queue = attempts(seed, folder)
        if only not in (None, attack):
            # All names of an attack are among its first attempts.
            first = list(itertools.islice(queue, 20_000))
            known = {attempt.name for attempt in first}
            names |= known
            wanted = set(fnmatch.filter(known, str(only)))
            if not wanted:
                continue
            queue = _attempts_of(wanted, itertools.chain(first, queue))
        key = attack if only in (None, attack) else only if only in names else f"{attack}/{only}"
        start = done.get(key, 0) if number is None else number
        queues[key] = itertools.islice(queue, start, None if number is None else number + 1)
    if not queues:
        fix = did_you_mean(str(only), [*attacks, *names])
        raise ParamError(f"no attack is called {only!r}", where="--only", fix=fix)
    return queues


def _attempts_of(names: set[str], queue: Iterator[Attempt]) -> Iterator[Attempt]:
    """Leave out all other attempts; a generator of its own keeps the names of its attack."""
    return (attempt for attempt in queue if attempt.name in names)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(prog_name="python -m gzslbench_benchmarks.torture")
