"""Several seeds of one cell trained as one program.

Sampling, noise, optimizers, schedules and sums stay each seed's own; only the gradients are computed at
once, by ``torch.vmap`` of the first seed's loss over the stacked networks of all. So a step has the draws of
the seed alone to the bit, and its gradients up to the rounding of batched matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gzslbench.computing.device import numerics
from gzslbench.computing.graph import capture_on
from gzslbench.computing.replays import Replays
from gzslbench.training.captured_steps import DrawnSteps
from gzslbench.training.joint_step import JointStep
from gzslbench.training.seed_batch import SeedBatches
from gzslbench.training.stack import Stack
from gzslbench.training.trainer import StageRun, Trainer


class SeedGroup:
    """Trainers of one cell's seeds, all within the same stage, that step as one; one seed steps as ever."""

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        first = trainers[0]
        self.trainers = trainers
        self.runs = [run for trainer in trainers if (run := trainer.under_way()) is not None]
        self.stack = Stack([trainer.method.modules for trainer in trainers])
        self.steps = [
            JointStep(optimizers, self.stack)
            for optimizers in zip(*(run.optimizers for run in self.runs), strict=True)
        ]
        samplers = [run.sampler for run in self.runs]
        self.batches = SeedBatches([sampler.reserve() for sampler in samplers])
        generators = [each for sampler in samplers for each in (sampler.rows, sampler.noise)]
        capture = capture_on(first.view.features.device, generators, trim=True) if first.graphs else None
        replays = None if capture is None else Replays(capture)
        self.drawn_steps = DrawnSteps(samplers, self.batches.own, replays)

    def train(
        self, stop: Callable[[], bool] = lambda: False, on_iteration: Callable[[], None] = lambda: None
    ) -> bool:
        """Iterate until the epoch of one seed is over; False if asked to stop before.

        Raises:
            PluginError: The method cannot train several seeds together.
        """
        first = self.trainers[0]
        with numerics(first.precision, first.deterministic):
            while not any(run.epoch_is_over for run in self.runs):
                if stop():
                    return False
                self.iterate()
                on_iteration()
        return True

    def release(self) -> None:
        """Part: the networks of each seed have memory of their own again."""
        self.stack.release()

    def iterate(self) -> None:
        """One iteration of every seed."""
        loops = {run.loop for run in self.runs}
        if len(self.runs) == 1 or len(loops) > 1:
            for run in self.runs:
                _iterate_alone(run)
            return
        for run in self.runs:
            run.begin_iteration()
        drawn = False
        for step in self.steps:
            if step.phase.loop not in (None, *loops):
                continue
            for _ in range(step.phase.repeats):
                self._step(step, draws=step.phase.fresh_batch or not drawn)
                drawn = True
        for run in self.runs:
            run.iteration += 1

    def _step(self, joint: JointStep, *, draws: bool) -> None:
        def step() -> None:
            for run, terms in zip(self.runs, joint(self.batches), strict=True):
                run.record(joint.phase, terms)

        self.drawn_steps(joint.phase.name, step, joint.hold_gradients, draws=draws)


def _iterate_alone(run: StageRun) -> None:
    with run.torch_stream.installed():
        run.iterate()
