"""The contract of a method: its spec, and the stages and phases that the trainer runs for it.

Nothing here imports torch when it is imported, so listing methods stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from gzslbench.plugins.spec import Kind, Published, Setting

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gzslbench.plugins.head import HeadSettings
    from gzslbench.plugins.inputs import Batch, ClassNoise
    from gzslbench.plugins.params import Params

Sampling = Literal["draw", "pass", "balanced"]
Span = Literal["epoch", "stage"]
FeatureKind = Literal["global", "regions"]


@dataclass(frozen=True)
class MethodSpec(Published):
    """What ``gzslbench methods`` shows about a method, and how to load it.

    Attributes:
        name: What ``--method`` takes, in lower case with hyphens.
        title: The method's name as its paper writes it.
        paper: Authors, title, venue and year.
        url: Address of the paper.
        params: The frozen dataclass of its parameters.
        load: ``package.module:Class`` of the method, which is imported when it runs.
        kind: ``generative`` methods synthesize features, ``scoring`` methods score all classes.
        setting: What it learns from. Only a scoring method can be ``evolving``.
        preprocessing: How its features are scaled unless the user says otherwise.
        features: ``global`` for one vector of each image; ``regions`` for vectors of several places in it,
            which only a scoring method can have.
        attributes: Whether it needs one vector of each attribute, ``TrainView.attribute_vectors``.
        shared_space: Whether it compares features with semantics directly, so that both must come from one
            image-text model.
        version: Increase it if the same parameters give other numbers than before.
        gpu_share: Share of a GPU that a run needs, from 0 to 1; a sweep runs several on one GPU.
        plain: Like ``load``, the form whose losses are written as in the paper; ``form=plain`` runs it.
        code: The sha256 of the code of a class in no package, see ``gzslbench.register``; else empty.
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
    features: FeatureKind = "global"
    attributes: bool = False
    shared_space: bool = False
    version: int = 1
    gpu_share: float = 0.25
    plain: str = ""
    code: str = ""


@dataclass(frozen=True)
class Adam:
    """Adam's settings (learning rate before the stage's schedule)."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    amsgrad: bool = False


@dataclass(frozen=True)
class Sgd:
    """Settings of stochastic gradient descent (learning rate before the stage's schedule)."""

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0


@dataclass(frozen=True)
class TorchOptimizer:
    """Settings of any other optimizer of torch.

    Attributes:
        name: Its class in ``torch.optim``, for example "AdamW" or "RMSprop".
        lr: Learning rate before the stage's schedule.
        options: Its other keyword arguments.
    """

    name: str
    lr: float
    options: Mapping[str, Any] = field(default_factory=dict)


Optimizer = Adam | Sgd | TorchOptimizer


@dataclass(frozen=True)
class Episodes:
    """Batches of a few random classes, with equally many rows of each.

    A class's rows are drawn without repetition; if it has fewer, they repeat. If there are fewer seen classes
    than ``classes``, all of them take part.

    Attributes:
        classes: Random seen classes per batch.
        rows: Rows of each.
    """

    classes: int
    rows: int


@dataclass(frozen=True)
class HeldOut:
    """Each epoch holds out a few random seen classes, which imitate unseen ones.

    A phase with ``held_out`` gets rows of these classes, the other phases get rows of the rest. Rows are
    drawn without repetition; if there are fewer than a batch needs, they repeat. A single seen class is on
    both sides.

    Attributes:
        classes: Random seen classes that an epoch holds out, but never all of them.
        rows: Rows of a batch of the held-out classes; ``Stage.batch_size`` is that of the others.
    """

    classes: int
    rows: int


@dataclass(frozen=True)
class Phase:
    """One loss and its update within an iteration.

    Attributes:
        name: Unique within its stage; the log shows it.
        loss: Maps a batch to its named terms; their sum is minimized. It does the same work at each step and
            keeps no reference to the batch: on CUDA a step is captured once and replayed.
        updates: Names of the modules in ``Method.modules`` that the step changes; the others are frozen.
        optimizer: Settings for all updated modules, or for each of them by name. A module that several
            phases of a stage update has the same moments in all of them, but for phases with ``own_moments``.
        repeats: Steps per iteration.
        fresh_batch: Whether each repeat samples a batch; otherwise the phase gets the last one.
        keep_gradients: Modules among ``updates`` whose gradients add up instead of being zeroed at each step.
        kept_for: Whether those are zeroed once per epoch, or never within the stage.
        loop: The stage's loop that the phase belongs to, from 0; None for all.
        held_out: Whether it gets rows of the classes that a ``HeldOut`` stage holds out, always fresh ones.
        own_moments: Whether its optimizer has moments of its own.
        clip_norm: If set, the gradients of all updated modules together are scaled down to this norm.
        schedule: Maps the epoch (from 0) to a factor on the phase's learning rates, times the stage's factor.
        step_schedule: Maps the phase's number of earlier steps in the stage to one more such factor.
        after_step: Called after each update, without gradients, for example to average weights. Like the loss
            it does the same work at each step. What it changes must lie in ``Method.modules``, so that
            checkpoints save it.
    """

    name: str
    loss: Callable[[Batch], Mapping[str, Tensor]]
    updates: tuple[str, ...]
    optimizer: Optimizer | Mapping[str, Optimizer]
    repeats: int = 1
    fresh_batch: bool = True
    keep_gradients: tuple[str, ...] = ()
    kept_for: Span = "epoch"
    loop: int | None = None
    held_out: bool = False
    own_moments: bool = False
    clip_norm: float | None = None
    schedule: Callable[[int], float] | None = None
    step_schedule: Callable[[int], float] | None = None
    after_step: Callable[[], None] | None = None


@dataclass(frozen=True)
class Stage:
    """Epochs of the same phases. The last stage is the one whose epochs are evaluated and counted.

    Attributes:
        name: Unique within the method.
        epochs: Number of epochs; one epoch is ``loops`` times ceil(N / batch_size) iterations.
        batch_size: Rows per batch; at most all N training rows.
        phases: Run in order, each iteration.
        schedule: Maps the epoch (from 0) to the factor on every learning rate.
        sampling: ``draw`` takes a fresh random subset for each batch, as the f-CLSWGAN family does;
            ``pass`` walks in full batches through one permutation after another; ``balanced`` draws a random
            class for each row, then a random row of it; ``Episodes`` takes equally many rows of a few
            classes, and ``batch_size`` is then their product; ``HeldOut`` keeps some classes for some phases.
        loops: How often an epoch goes through its iterations; a phase may belong to one of them.
        iterations: Iterations of each loop in place of ceil(N / batch_size); empty for these.
    """

    name: str
    epochs: int
    batch_size: int
    phases: tuple[Phase, ...]
    schedule: Callable[[int], float] = lambda _epoch: 1.0
    sampling: Sampling | Episodes | HeldOut = "draw"
    loops: int = 1
    iterations: tuple[int, ...] = ()


class Method(Protocol):
    """What the trainer needs from every method.

    The constructor takes ``(view: TrainView, params)`` and builds the networks on the CPU, from the global
    random stream that the trainer has seeded; ``view`` is already on the device.
    """

    modules: nn.ModuleDict

    def stages(self) -> Sequence[Stage]:
        """Return the stages in order; none for a closed form that the constructor solves."""
        ...


class GenerativeMethod(Method, Protocol):
    """A method that synthesizes features of classes from their semantics.

    If ``head.seen_per_class`` is set, it may also have ``sample(features, noise)``, which draws the seen rows
    for the head, for example from an encoder's distribution: it maps the real features of some classes,
    ``noise.per_class`` of each, to ``(len(noise), e)`` rows. Without it, the real rows are embedded.
    """

    head: HeadSettings

    def synthesize(self, semantics: Tensor, noise: ClassNoise) -> Tensor:
        """Map ``(C, a)`` semantics to ``(len(noise), d)`` features, the rows of one class together.

        If ``head.space`` is "embedding", they are ``(len(noise), e)`` rows of the embedding instead. Each
        class has ``noise.per_class`` rows; all random numbers come from ``noise``.
        """
        ...

    def embed(self, features: Tensor) -> Tensor:
        """Map ``(n, d)`` features to the ``(n, e)`` space in which the head is fitted."""
        ...


class ScoringMethod(Method, Protocol):
    """A method that scores every class directly.

    An evolving one also has ``evolve(semantics, seen, generator) -> Evolving`` for ``(K, a)`` semantics, of
    which the ``(K,)`` bool mask says which are seen. All random numbers come from the generator.
    """

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Map ``(n, d)`` features and ``(C, a)`` semantics to ``(n, C)`` scores, higher is likelier."""
        ...
