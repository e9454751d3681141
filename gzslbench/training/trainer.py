"""Building a method, and the training loop: stages, epochs, iterations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypedDict, get_args

import msgspec
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gzslbench.computing.device import matmul_precision
from gzslbench.computing.seeds import stream
from gzslbench.errors import PluginError
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.inputs import TrainView
from gzslbench.plugins.method import Episodes, HeldOut, Method, MethodSpec, Optimizer, Phase, Sampling, Stage
from gzslbench.plugins.params import Params
from gzslbench.plugins.registry import load_object
from gzslbench.plugins.spec import wrong_fields
from gzslbench.plugins.tracker import TrackerSpec
from gzslbench.training.batch import loop_lengths, rows_per_batch
from gzslbench.training.stage_run import EpochLosses, StageRun


class TrainerState(TypedDict):
    """What a checkpoint keeps of a trainer."""

    modules: dict[str, Any]
    stage_index: Annotated[int, msgspec.Meta(ge=0)]
    stage: Any


@dataclass(frozen=True)
class EpochEnd:
    """An epoch that has just ended.

    Attributes:
        stage: Name of its stage.
        counted: Whether it belongs to the last stage, whose epochs are evaluated.
        epoch: Completed epochs of the stage.
        epochs: Epochs the stage has.
        sums: The sums behind ``losses``; they may not be on the host yet.
    """

    stage: str
    counted: bool
    epoch: int
    epochs: int
    sums: EpochLosses

    @property
    def losses(self) -> dict[str, float]:
        """Mean over the epoch of each ``phase/term``; waits until they are on the host."""
        return self.sums.means()


@dataclass(frozen=True)
class StageSize:
    """The epochs of a stage, and the rows of one of its iterations."""

    name: str
    epochs: int
    rows: int


class Trainer:
    """Runs a method's stages on a view that lies on the device.

    ``epochs`` yields after each epoch, so that the caller can evaluate and save. If it is stopped between two
    iterations, it ends with ``interrupted`` set, in a state that can be saved and resumed.
    """

    def __init__(
        self,
        method: Method,
        view: TrainView,
        seed: int,
        precision: str = "fp32",
        deterministic: bool = False,
        graphs: bool = True,
    ) -> None:
        """Start the first stage.

        Args:
            method: Its networks lie on the device of ``view``.
            view: What the method is trained on.
            seed: The run's root seed.
            precision: Of the matrix products.
            deterministic: Whether torch uses only deterministic algorithms.
            graphs: Whether a CUDA device replays captured steps; it changes no number.
        """
        self.method = method
        self.view = view
        self.seed = seed
        self.precision = precision
        self.deterministic = deterministic
        self.graphs = graphs
        self.stages = check_stages(method, method.stages())
        self.stage_index = 0
        self.interrupted = False
        self.current = self._start_stage()

    @property
    def iterations(self) -> int:
        """Iterations of all stages, for progress bars."""
        return self._iterations(self.stages)

    @property
    def sizes(self) -> tuple[StageSize, ...]:
        """The size of every stage."""
        return tuple(
            StageSize(stage.name, stage.epochs, rows_per_batch(self.view, stage.batch_size, stage.sampling))
            for stage in self.stages
        )

    @property
    def iterations_done(self) -> int:
        """Those of ``iterations`` that are done."""
        done = self._iterations(self.stages[: self.stage_index])
        if self.current is not None:
            done += self.current.epoch * self.current.iterations + self.current.iteration
        return done

    @property
    def completed(self) -> dict[str, int]:
        """Completed epochs of every stage, by name."""
        epochs = {stage.name: stage.epochs for stage in self.stages[: self.stage_index]}
        if self.current is not None:
            epochs[self.current.stage.name] = self.current.epoch
        return {stage.name: epochs.get(stage.name, 0) for stage in self.stages}

    @property
    def completed_epochs(self) -> int:
        """Completed epochs of the last stage; 0 for a method without stages."""
        return self.completed[self.stages[-1].name] if self.stages else 0

    @property
    def counted_epochs(self) -> int:
        """Epochs of the last stage; 0 for a method without stages."""
        return self.stages[-1].epochs if self.stages else 0

    def epochs(
        self, stop: Callable[[], bool] = lambda: False, on_iteration: Callable[[], None] = lambda: None
    ) -> Iterator[EpochEnd]:
        """Train to the end, yielding after each epoch.

        Args:
            stop: Called before each iteration; True stops the training there.
            on_iteration: Called after each iteration.

        Raises:
            DivergedError: A loss became NaN or infinite. On CUDA the trainer does not wait to find out:
                reading an epoch's ``losses`` raises it.
        """
        while (run := self._unfinished_stage()) is not None:
            with matmul_precision(self.precision, self.deterministic), run.torch_stream.installed():
                while not run.epoch_is_over:
                    if stop():
                        self.interrupted = True
                        return
                    run.iterate()
                    on_iteration()
            losses, stage = run.end_epoch(), run.stage
            counted = self.stage_index == len(self.stages) - 1
            yield EpochEnd(stage.name, counted, run.epoch, stage.epochs, losses)

    def check_finite(self) -> None:
        """Raise a DivergedError if a loss of the current epoch is NaN or infinite."""
        if self.current is not None:
            self.current.check_finite()

    def state_dict(self) -> dict[str, Any]:
        """Return networks, optimizers, streams and position, as plain containers of tensors and numbers."""
        modules = self.method.modules.state_dict()
        return {
            "modules": {name: _without_spare_memory(value) for name, value in modules.items()},
            "stage_index": self.stage_index,
            "stage": None if self.current is None else self.current.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``; ``checkpoint.restoring`` lists what another state raises."""
        read = msgspec.convert(state, TrainerState)
        self.method.modules.load_state_dict(read["modules"])
        self.stage_index = read["stage_index"]
        if self.stage_index > len(self.stages):
            raise ValueError(f"stage {self.stage_index} of {len(self.stages)}")
        self.current = self._start_stage()
        if self.current is not None:
            self.current.load_state_dict(read["stage"])

    def _start_stage(self) -> StageRun | None:
        if self.stage_index >= len(self.stages):
            return None
        stage = self.stages[self.stage_index]
        return StageRun(stage, self.method, self.view, self.seed, self.precision, self.graphs)

    def _unfinished_stage(self) -> StageRun | None:
        """Return the stage that has an epoch left to train, starting the next where one is over."""
        while self.current is not None and self.current.epoch >= self.current.stage.epochs:
            self.stage_index += 1
            self.current = self._start_stage()
        return self.current

    def _iterations(self, stages: Sequence[Stage]) -> int:
        return sum(stage.epochs * sum(loop_lengths(self.view, stage)) for stage in stages)


def _without_spare_memory(value: Any) -> Any:
    """Copy a tensor that is a view of a larger one, because a checkpoint would save the larger one."""
    is_view = isinstance(value, Tensor) and value.untyped_storage().nbytes() > value.nbytes
    return value.clone() if is_view else value


def build_method(spec: MethodSpec, view: TrainView, params: Params, seed: int) -> Any:
    """Build the method of ``spec`` on the device of ``view``.

    The networks are initialised on the CPU from the stream ``init``, so they are the same on every device.
    The global random state does not change.

    Raises:
        PluginError: What ``spec.load`` or ``spec.plain`` names cannot be imported.
    """
    plain = getattr(params, "form", "fast") == "plain"
    cls = load_class(replace(spec, load=spec.plain) if plain else spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "init"))
        method = cls(view, params)
    if not isinstance(modules := getattr(method, "modules", None), nn.ModuleDict):
        what = f"the modules of {spec.name!r} are {type(modules).__name__}, not a torch.nn.ModuleDict"
        raise PluginError(what, where=spec.load, fix="set self.modules in the constructor")
    if any(is_lazy(value) or value.is_meta for value in (*modules.parameters(), *modules.buffers())):
        what = f"a network of {spec.name!r} has no size or no values yet"
        fix = "give its sizes, instead of a lazy layer, and build it on the CPU"
        raise PluginError(what, where=spec.load, fix=fix)
    method.modules.to(view.features.device)
    return method


def check_stages(method: Method, stages: object) -> tuple[Stage, ...]:
    """Return the stages of a method, if they are such, can be trained, and name its modules."""
    found = tuple(stages) if isinstance(stages, Sequence) else (stages,)
    if wrong := next(_faults(found, [*method.modules]), None):
        fix = "see Stage and Phase in gzslbench.plugins"
        raise PluginError(f"stages: {wrong}", where=type(method).__name__, fix=fix)
    return found


def _faults(stages: Sequence[Any], modules: list[str]) -> Iterator[str]:
    """Yield what is wrong with stages; each check relies on those before it."""
    yield from (f"{stage!r:.80} is not a Stage" for stage in stages if not isinstance(stage, Stage))
    for stage in stages:
        here = f"stage {stage.name!r:.80}"
        own = [stage.sampling] if isinstance(stage.sampling, (Episodes, HeldOut)) else []
        known = (*get_args(Sampling), *own)
        yield from wrong_fields(stage, here, batch_size=1, loops=1, iterations=1, sampling=known)
        for drawn in own:
            yield from wrong_fields(drawn, f"the sampling of {here}", classes=1, rows=1)
        yield from (f"{phase!r:.80} is not a Phase" for phase in stage.phases if not isinstance(phase, Phase))
        for phase in stage.phases:
            here, ones, rules = f"phase {phase.name!r:.80}", phase.updates, phase.optimizer
            if not isinstance(ones, (tuple, list)) or not ones or any(one not in modules for one in ones):
                yield f"{here} updates {ones!r:.80}, of modules {modules}"
            if not isinstance(kept := phase.keep_gradients, (tuple, list)) or not {*kept} <= {*modules}:
                yield f"{here} has keep_gradients={kept!r:.80}, of modules {modules}"
            yield from wrong_fields(phase, here)
            if phase.loop is not None and phase.loop >= (len(stage.iterations) or stage.loops):
                yield f"{here} has loop={phase.loop}, which its stage does not have"
            for rule in rules.values() if isinstance(rules, Mapping) else [rules]:
                if not isinstance(rule, Optimizer):
                    yield f"the optimizer of {here} is {rule!r:.80}"
                yield from wrong_fields(rule, f"the optimizer of {here}")
        for what, ones in (("stages", stages), (f"phases of stage {stage.name!r:.80}", stage.phases)):
            names = [one.name for one in ones]
            yield from (f"two {what} are called {name!r:.80}" for name in names if names.count(name) > 1)


def load_class(spec: MethodSpec | HeadSpec | TrackerSpec) -> type[Any]:
    """Import the class that ``spec.load`` names, and check what it is called with."""
    is_head = isinstance(spec, HeadSpec)
    arguments = ("view", "params") if isinstance(spec, MethodSpec) else ("params",) * is_head
    return load_object(spec.load, spec.name, arguments)  # type: ignore[no-any-return]
