"""What methods and heads get from gzslbench: views, batches, random numbers, and the data of a head.

Nothing here imports torch when it is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class TrainView:
    """What an inductive method sees during training.

    Attributes:
        features: ``(n, d)`` preprocessed features of the training rows of the seen classes. For a method on
            regions they are ``(n, R, d)``, and may be read only when a slice is indexed.
        labels: ``(n,)`` int64; row numbers of ``semantics``, from 0 to S-1.
        semantics: ``(S, a)`` of the seen classes.
        class_names: Of the seen classes, in the order of ``semantics``; empty if the data have no names.
        attribute_names: What the a columns of the semantics mean; empty if it is not known.
        attribute_vectors: ``(a, w)``, one vector for each of them, such as that of its name; or None.
    """

    features: Tensor
    labels: Tensor
    semantics: Tensor
    class_names: tuple[str, ...] = ()
    attribute_names: tuple[str, ...] = ()
    attribute_vectors: Tensor | None = None

    if not TYPE_CHECKING:  # type checkers know the attributes

        def __getattr__(self, name: str) -> Any:
            known = ", ".join(info.name for info in fields(self))
            what = f"a {type(self).__name__} has no {name!r}; it has {known}, and never a test row's label"
            raise AttributeError(what, name=name, obj=self)


@dataclass(frozen=True)
class ClassTransductiveView(TrainView):
    """The training view with the semantics ``(U, a)`` and the names of the unseen classes."""

    unseen_semantics: Tensor = field(kw_only=True)
    unseen_class_names: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class TransductiveView(ClassTransductiveView):
    """The class-transductive view with all test features, unlabelled, ``(m, d)``.

    They are ordered by the sha256 of their bytes. So the order says nothing about their classes, not even
    which are seen, even to a method that knows how it was made.
    """

    unlabelled: Tensor = field(kw_only=True)


def _zero() -> Tensor:
    import torch

    return torch.zeros(())


@dataclass(frozen=True)
class Batch:
    """What a loss gets: rows of the training view, and the noise stream.

    Losses take their random numbers from ``normal`` and ``uniform``, so that a run can be repeated and
    resumed to the bit.

    Attributes:
        features: ``(B, d)``, or ``(B, R, d)`` for a method on regions.
        labels: ``(B,)`` row numbers of the view's semantics.
        noise: The stream that ``normal`` and ``uniform`` draw from.
        epoch: ``()`` completed epochs of the stage, on the device, for terms whose weight follows the epoch.
    """

    features: Tensor
    labels: Tensor
    noise: torch.Generator
    epoch: Tensor = field(default_factory=_zero)

    def __len__(self) -> int:
        return len(self.labels)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers on the batch's device."""
        import torch

        return torch.randn(shape, generator=self.noise, device=self.features.device)

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1) on the batch's device."""
        import torch

        return torch.rand(shape, generator=self.noise, device=self.features.device)


class ClassNoise:
    """Draws random numbers for ``per_class`` rows of each of several classes.

    Each class has a stream of its own. So its rows depend neither on the other classes nor on how many
    classes are synthesized in one call.
    """

    def __init__(self, streams: Sequence[torch.Generator], per_class: int) -> None:
        self.per_class = per_class
        self._streams = streams

    def __len__(self) -> int:
        """Rows of all classes."""
        return len(self._streams) * self.per_class

    def normal(self, width: int) -> Tensor:
        """Draw ``(rows, width)`` standard normal numbers, class after class."""
        import torch

        return self._draw(torch.randn, width)

    def uniform(self, width: int) -> Tensor:
        """Draw ``(rows, width)`` uniform numbers in [0, 1), class after class."""
        import torch

        return self._draw(torch.rand, width)

    def _draw(self, draw: Callable[..., Tensor], width: int) -> Tensor:
        import torch

        shape = (self.per_class, width)
        return torch.cat([draw(*shape, generator=stream, device=stream.device) for stream in self._streams])


@dataclass(frozen=True)
class HeadData:
    """What a head is fitted on: embedded features of K competing classes, all on one device.

    Attributes:
        features: ``(n, e)`` float32.
        labels: ``(n,)`` int64 in 0..K-1.
        semantics: ``(K, a)``.
        seen: ``(K,)`` bool, which classes are seen.
        unlabelled: ``(m, e)`` test rows in a random order, for a transductive head; None for others.
    """

    features: Tensor
    labels: Tensor
    semantics: Tensor
    seen: Tensor
    unlabelled: Tensor | None = None
