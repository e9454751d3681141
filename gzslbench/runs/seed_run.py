"""One of several cells that train as one program: its legs one after another, to its record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from gzslbench.errors import DivergedError, InterruptedRunError
from gzslbench.plugins.registry import plugins
from gzslbench.runs.execute import Legs
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.leg import LegRun
from gzslbench.runs.record import Record

T = TypeVar("T")
LEGS = ("validation", "final")


class SeedRun:
    """Whoever makes it trains the leg under way; here its epochs end, and its legs follow each other.

    A leg that diverges ends the run: ``leg`` is None from then on, as after the last leg; and also where it
    fails, for then its state is within a step or an epoch's end, and it goes on from its last checkpoint.

    Attributes:
        folder: Its record is written there as soon as the run has ended.
        leg: The leg under way, None once there is a record, or the run has failed.
        record: The record, None until then.
    """

    def __init__(self, folder: RunFolder, legs: Legs[Record]) -> None:
        self.folder = folder
        self.leg: LegRun | None = None
        self.record: Record | None = None
        self._legs = legs
        self._start(partial(next, legs))

    @property
    def position(self) -> tuple[int, int] | None:
        """The leg and stage with an epoch left to train, in order; None where the leg has none."""
        if self.leg is None or self.leg.trainer.under_way() is None:
            return None
        return LEGS.index(self.leg.leg.name), self.leg.trainer.stage_index

    def end_epoch(self) -> None:
        """End the epoch under way, if its iterations are done."""
        leg = self.leg
        if leg is not None and (stage := leg.trainer.current) is not None and stage.epoch_is_over:
            self._attempt(lambda: leg.end_epoch(leg.trainer.end_epoch()))

    def settle(self) -> None:
        """Finish a leg that has nothing left to train, and go on to one that has."""
        while self.leg is not None and self.leg.trainer.under_way() is None:
            self._attempt(self._finish)

    def interrupt(self) -> InterruptedRunError | None:
        """Save the leg under way, of which the error tells; none where it has diverged, or none is left."""
        return self._attempt(self._saved)

    def give_up(self) -> None:
        """Leave the leg under way as its last checkpoint has it."""
        self.leg = None

    def _saved(self) -> InterruptedRunError | None:
        if self.leg is None:
            return None
        if self.leg.trainer.current is not None:  # past its last stage there is nothing to stop
            self.leg.trainer.interrupt()
        return self.leg.saved()

    def _finish(self) -> None:
        assert self.leg is not None
        outcome, self.leg = self.leg.finish(), None
        self._start(partial(self._legs.send, outcome))

    def _attempt(self, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except DivergedError as error:
            self.leg = None
            self._start(partial(self._legs.throw, error))
            return None
        except Exception:
            self.give_up()
            raise

    def _start(self, ahead: Callable[[], LegRun]) -> None:
        try:
            self.leg = ahead()
        except StopIteration as end:
            self._conclude(end.value)
        else:
            self.leg.begin()

    def _conclude(self, record: Record) -> None:
        self.record = record
        self.folder.write_record(record)
        self.folder.drop_previous()
        plugins().notify("gzslbench_run_end", record=record)
