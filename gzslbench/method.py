"""What a method is: its spec, and the stages and phases that the trainer runs for it.

Nothing here imports torch when it is imported, so listing methods stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from gzslbench.params import Params

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gzslbench.evaluation.class_noise import ClassNoise
    from gzslbench.training.batch import Batch

Kind = Literal["generative", "scoring"]
Setting = Literal["inductive", "class-transductive", "transductive"]
Sampling = Literal["draw", "pass"]


@dataclass(frozen=True)
class MethodSpec:
    """What ``gzslbench methods`` shows of a method and how to load it.

    Attributes:
        name: What ``--method`` takes, in lower case with hyphens.
        title: The method's name as its paper writes it.
        paper: Authors, venue and year.
        url: Where the paper is.
        params: The frozen dataclass of its parameters.
        load: ``package.module:Class`` of the method, imported when it is run.
        kind: ``generative`` methods synthesize features, ``scoring`` methods score all classes.
        setting: What it sees while it trains; stamped into every record.
        preprocessing: How its features are scaled unless the user says otherwise.
        version: Raise it when the same parameters give other numbers than before.
    """

    name: str
    title: str
    paper: str
    url: str
    params: type[Params]
    load: str
    kind: Kind = "generative"
    setting: Setting = "inductive"
    preprocessing: str = "minmax"
    version: int = 1


@dataclass(frozen=True)
class Adam:
    """Adam's settings for one phase (learning rate before the stage's schedule)."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Phase:
    """One optimizer's turn within an iteration.

    Attributes:
        name: Shown in the log; unique within its stage.
        loss: Maps a batch to its named terms; their sum is minimized. It does the same work at each step and
            keeps no reference to the batch: on CUDA a step is captured once and replayed.
        updates: Names of the modules in ``Method.modules`` that the step changes; the others are frozen.
        optimizer: One optimizer over all updated modules.
        repeats: Steps an iteration.
        fresh_batch: Whether each repeat samples a batch; otherwise the phase sees the last one.
        keep_gradients: Modules among ``updates`` whose gradients are zeroed once an epoch, not at each step.
    """

    name: str
    loss: Callable[[Batch], Mapping[str, Tensor]]
    updates: tuple[str, ...]
    optimizer: Adam
    repeats: int = 1
    fresh_batch: bool = True
    keep_gradients: tuple[str, ...] = ()


def _constant(_epoch: int) -> float:
    return 1.0


@dataclass(frozen=True)
class Stage:
    """Epochs of the same phases. The last stage is the one whose epochs are evaluated and counted.

    Attributes:
        name: Unique within the method.
        epochs: Number of epochs; one epoch is ceil(N / batch_size) iterations.
        batch_size: Rows a batch; at most all N training rows are taken.
        phases: Run in order, each iteration.
        schedule: Maps the epoch (from 0) to the factor on every learning rate.
        sampling: ``draw`` takes a fresh random subset for each batch, as the f-CLSWGAN family does;
            ``pass`` walks in full batches through one permutation after another.
    """

    name: str
    epochs: int
    batch_size: int
    phases: tuple[Phase, ...]
    schedule: Callable[[int], float] = _constant
    sampling: Sampling = "draw"


@dataclass(frozen=True)
class HeadSettings:
    """How the final classifier is fitted on real seen and synthesized unseen features.

    Attributes:
        per_class: Synthesized features for each unseen class (syn_num).
        batch_size: Rows a step.
        epochs: Passes over real and synthesized features for the generalized setting.
        zsl_epochs: Passes of a second head over the synthesized features alone, whose accuracy on the
            unseen classes is T1; 0 takes T1 from the first head restricted to the unseen classes.
        lr: Adam's learning rate.
        beta1: Adam's first moment decay.
    """

    per_class: int
    batch_size: int
    epochs: int = 25
    zsl_epochs: int = 0
    lr: float = 1e-3
    beta1: float = 0.5


class Method(Protocol):
    """What the trainer needs of every method.

    The constructor takes ``(view: TrainView, params)``; the networks are built there, on the CPU, from
    the global random stream that the trainer has seeded; ``view`` already lies on the device.
    """

    modules: nn.ModuleDict

    def stages(self) -> Sequence[Stage]:
        """The stages in order; none for a closed form that is solved in the constructor."""
        ...


class GenerativeMethod(Method, Protocol):
    """A method that synthesizes features of classes it has only semantics of."""

    head: HeadSettings

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """``(C, a)`` semantics to ``(len(noise), d)`` features, the rows of one class together.

        Each class has ``noise.per_class`` rows; all random numbers come from ``noise``.
        """
        ...

    def embed(self, features: Tensor) -> Tensor:
        """``(n, d)`` features to the ``(n, e)`` space in which the head is fitted."""
        ...


class ScoringMethod(Method, Protocol):
    """A method that scores every class directly."""

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` scores, higher is likelier."""
        ...
