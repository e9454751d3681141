"""How much the evaluation's own random numbers move H: a table of stored runs, evaluated again and again.

A generative method synthesizes features and fits a head at each evaluation. Other random numbers there give
another H for the same trained model. `run --eval-repeats` averages several evaluations; this program says
what that gives and costs. It needs the checkpoints of the runs.

    python -m gzslbench_benchmarks.evaluation_draws RESULTS [--draws 8] [--only TEXT]
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from gzslbench.computing.seeds import stream
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.runs.load_trained import open_head, open_trained
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder, Store


@dataclass(frozen=True)
class Draws:
    """Evaluations of one trained model, each with other random numbers.

    Attributes:
        H: By evaluation, the harmonic mean in percent.
        seconds: Of one evaluation, on average.
        training: Seconds of the training that gave the model.
    """

    run: str
    H: tuple[float, ...]
    seconds: float
    training: float

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        spread = f"{stdev(self.H):.1f}" if len(self.H) > 1 else ""
        wide = f"{max(self.H) - min(self.H):.1f}"
        share = f"{100 * self.seconds / self.training:.1f} %" if self.training else ""
        return (
            self.run,
            str(len(self.H)),
            f"{fmean(self.H):.1f}",
            spread,
            wide,
            f"{self.seconds:.1f} s",
            share,
        )


COLUMNS = ("run", "evaluations", "mean H", "sd", "range", "one evaluation", "of the training")


def draw(record: Record, folder: RunFolder, draws: int, data: Path | None = None) -> Draws:
    """Evaluate the final model of ``record`` as often as ``draws`` says, each time with another stream."""
    trained, cell = open_trained(record, folder, data=data), record.cell
    assert record.headline is not None  # it is complete
    head, setting = open_head(record)
    evaluator = Evaluator(trained.train, trained.test, head=head, head_setting=setting)
    epochs = record.validation.head_epoch if record.validation is not None and cell.select == "val" else None
    clock, found = time.perf_counter(), []
    for number in range(1, draws + 1):
        seed = stream(cell.seed, "evaluation-repeat", number)
        found.append(evaluator.evaluate(trained.method, record.headline.epoch, seed, epochs).trace[-1].H)
    seconds = (time.perf_counter() - clock) / draws
    return Draws(record.id, tuple(found), seconds, record.run.seconds_train or 0.0)


def generative_records(results: Path, only: str = "") -> Iterator[tuple[Record, RunFolder]]:
    """Yield the complete runs with a head whose id contains ``only`` and whose checkpoint exists."""
    for folder in Store(results).runs():
        record = folder.record()
        if record is None or record.status != "complete" or record.cell.head is None or only not in record.id:
            continue
        if record.cell.control is None and folder.checkpoint_file("final").exists():
            yield record, folder


def main(arguments: list[str] | None = None) -> None:
    """Print the table, a row as soon as it is known."""
    parser = ArgumentParser(prog="python -m gzslbench_benchmarks.evaluation_draws", description=__doc__)
    parser.add_argument("results", type=Path, help="folder of stored runs with their checkpoints")
    parser.add_argument("--draws", type=int, default=8, help="evaluations of each model")
    parser.add_argument("--only", default="", help="only runs whose id contains this text")
    options = parser.parse_args(arguments)
    _write_row(COLUMNS)
    _write_row(("---",) * len(COLUMNS))
    for record, folder in generative_records(options.results, options.only):
        _write_row(draw(record, folder, options.draws).cells())


def _write_row(cells: Sequence[str]) -> None:
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
