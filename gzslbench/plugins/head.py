"""The contract of a head: the final classifier, fitted on real seen and synthesized unseen features.

Nothing here imports torch when it is imported, so listing heads stays quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from gzslbench.plugins.spec import Published, Setting

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from gzslbench.plugins.inputs import HeadData
    from gzslbench.plugins.params import Params

SOFTMAX = "softmax"
"""The head of a generative method unless the user chooses another; its settings are those of the method."""
Space = Literal["features", "embedding"]


@dataclass(frozen=True)
class HeadSettings:
    """What a head is fitted on, and how.

    Attributes:
        per_class: Synthesized features for each unseen class (syn_num).
        batch_size: Rows per step.
        epochs: Passes over real and synthesized features for the generalized setting.
        zsl_epochs: Passes of a second head over only the synthesized features, whose accuracy on the
            unseen classes is T1; 0 takes T1 from the first head restricted to the unseen classes.
        lr: Adam's learning rate.
        beta1: Adam's first moment decay.
        seen_per_class: Rows drawn for each seen class, repeated where it has fewer; 0 takes all as they are.
        space: What ``synthesize`` returns: features, to be embedded, or rows of the embedding.
    """

    per_class: int
    batch_size: int
    epochs: int = 25
    zsl_epochs: int = 0
    lr: float = 1e-3
    beta1: float = 0.5
    seen_per_class: int = 0
    space: Space = "features"


@dataclass(frozen=True)
class HeadSpec(Published):
    """What ``gzslbench heads`` shows about a head, and how to load it.

    Attributes:
        name: What ``--head`` takes, in lower case with hyphens.
        title: Its name as its paper writes it.
        paper: Authors, title, venue and year.
        url: Address of the paper.
        params: The frozen dataclass of its parameters.
        load: ``package.module:Class`` of the head, which is imported when it is fitted.
        setting: What it learns from: a ``transductive`` head gets the unlabelled test rows while it is
            fitted; an ``evolving`` one learns from each batch of them after it has scored it.
        version: Increase it if the same parameters give other numbers than before.
    """

    name: str
    title: str
    paper: str
    url: str
    params: type[Params]
    load: str
    setting: Setting = "inductive"
    version: int = 1


class FittedHead(Protocol):
    """A head that classifies.

    That of an evolving head also has ``evolve(generator) -> Evolving``, which all test rows then go through.
    All random numbers come from the generator.
    """

    def scores(self, features: Tensor) -> Tensor:
        """Map ``(n, e)`` features to ``(n, K)`` scores, higher is likelier."""
        ...


class Head(Protocol):
    """What the evaluator needs from every head. The constructor takes its ``params``."""

    def settings(self, of_method: HeadSettings) -> HeadSettings:
        """Return its settings, given those of the method."""
        ...

    def fit(
        self, rows: HeadData, settings: HeadSettings, epochs: int, generator: torch.Generator, graphs: bool
    ) -> Iterator[FittedHead]:
        """Fit a head from scratch; yield it after each of ``epochs`` passes.

        It may be one head that is changed in place, as it is used before the next pass.

        Args:
            rows: What it is fitted on; only a transductive head gets test rows, without labels.
            settings: Its own ``settings``.
            epochs: Passes over the rows.
            generator: On the rows' device; all random numbers come from it.
            graphs: Whether a CUDA device may replay captured steps; it changes no number.
        """
        ...
