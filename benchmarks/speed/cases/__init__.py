"""The cases by name. Each is a module that is imported when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gzslbench_benchmarks.speed.conditions import Conditions
    from gzslbench_benchmarks.speed.contest import Setting


@dataclass(frozen=True)
class Case:
    """A module of this folder with a function ``settings(conditions)``.

    Attributes:
        computes: Whether its contestants only compute, in this process.
    """

    title: str
    module: str
    computes: bool = True

    def settings(self, conditions: Conditions) -> Iterator[Setting]:
        """Yield the settings to measure, one after another, so that the memory of each is freed."""
        found: Iterator[Setting] = resolve_name(f"{__name__}.{self.module}:settings")(conditions)
        return found


CASES = {
    "iteration": Case("one CE-GZSL iteration: 5 critic steps, 1 generator step", "iteration"),
    "epoch": Case("one CE-GZSL epoch and its evaluation at the sizes of the suite flo-lite0", "epoch"),
    "evaluation": Case("one evaluation of CE-GZSL: synthesis, head, scores", "evaluation"),
    "f-clswgan": Case("one f-CLSWGAN epoch at batch 64", "f_clswgan"),
    "methods": Case("every trained method against its plain form: an epoch, and its evaluation", "methods"),
    "regions": Case("every method on regions: an epoch that reads its batches from a file", "regions"),
    "training": Case("a whole training with an evaluation each epoch (CUDA)", "training"),
    "opening": Case("opening AWA2-sized files that were opened before", "opening", computes=False),
    "startup": Case("the command line, a whole process", "startup", computes=False),
    "store": Case(
        "ten thousand stored runs: listing and comparing them, whole processes", "store", computes=False
    ),
    "extraction": Case("features of images, from JPEG files", "extraction", computes=False),
    "sweep": Case(
        "sweeps: planning ten thousand cells, two workers against one, cells of no work",
        "sweep",
        computes=False,
    ),
    "growth": Case("time and memory with batch, seen classes and syn_num", "growth"),
    "peak-memory": Case("peak memory of a CE-GZSL iteration, one process for each", "peak_memory"),
    "precision": Case("one CE-GZSL iteration of ours at each precision", "precision"),
}
