"""The final classifier of the f-CLSWGAN family: one linear layer and a softmax, fitted from scratch.

Settings of Xian et al., CVPR 2018, and of Han et al., CVPR 2021. The gradient of the mean cross-entropy is
``(softmax - one-hot) / B``, written out, because autograd costs more than the small products themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gzslbench.computing.graph import GraphCache, capture_on
from gzslbench.computing.seeds import PermutationSampler
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.inputs import HeadData

_INIT_STD = 0.02  # the family's initialisation of every linear layer, with zero bias


@dataclass(frozen=True, eq=False)
class SoftmaxHead:
    """A linear classifier: ``(K, e)`` weight and ``(K,)`` bias, and Adam's moments of both and its steps."""

    weight: Tensor
    bias: Tensor
    first: list[Tensor]
    second: list[Tensor]
    steps: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Return the ``(n, K)`` logits of ``(n, e)`` features."""
        return torch.addmm(self.bias, features, self.weight.T)


class SoftmaxFit:
    """Fits the softmax head with the method's own settings; a ``gzslbench.plugins.head.Head``."""

    def settings(self, of_method: HeadSettings) -> HeadSettings:
        """Return the method's own settings."""
        return of_method

    def fit(
        self, rows: HeadData, settings: HeadSettings, epochs: int, generator: torch.Generator, graphs: bool
    ) -> Iterator[SoftmaxHead]:
        """Fit by ``fit_softmax_head``."""
        classes = len(rows.seen)
        return fit_softmax_head(rows.features, rows.labels, classes, settings, epochs, generator, graphs)


def fit_softmax_head(
    features: Tensor,
    labels: Tensor,
    classes: int,
    settings: HeadSettings,
    epochs: int,
    generator: torch.Generator,
    graphs: bool = True,
    start: SoftmaxHead | None = None,
) -> Iterator[SoftmaxHead]:
    """Fit a head by Adam on mean cross-entropy; yields the head after each of ``epochs`` passes.

    An epoch is ceil(n / batch_size) full batches along one permutation of the rows after another, as in the
    family's code; classes are not balanced. The same head is changed in place and yielded again.

    Args:
        features: ``(n, e)`` float32.
        labels: ``(n,)`` int64 in 0..classes-1, on the same device.
        classes: K.
        settings: Batch size and Adam's settings.
        epochs: Passes over the rows.
        generator: On the same device; draws the initial weights, then the permutations.
        graphs: Whether a CUDA device replays a captured step; it changes no number.
        start: A head to continue from, with the moments of its Adam; it is changed. None draws a new one.
    """
    device, batch_size = features.device, min(settings.batch_size, len(labels))
    head = start
    if head is None:
        weight = torch.empty(classes, features.shape[1], device=device)
        weight.normal_(0.0, _INIT_STD, generator=generator)
        bias = torch.zeros(classes, device=device)
        first, second = ([torch.zeros_like(weight), torch.zeros_like(bias)] for _ in range(2))
        head = SoftmaxHead(weight, bias, first, second, torch.zeros((), device=device))
    step = _AdamStep(head, settings, features, labels, batch_size)
    capture = capture_on(device) if graphs else None
    run = step if capture is None else partial(GraphCache(capture), "head step", step)
    permutations = PermutationSampler(len(labels), generator, device)
    for _ in range(epochs):
        for _ in range(math.ceil(len(labels) / batch_size)):
            step.rows.copy_(permutations.next(batch_size))
            run()
        yield head


class _AdamStep:
    """One fused step of Adam on the rows named in ``rows``; all tensors stay where they are, for a graph."""

    def __init__(
        self, head: SoftmaxHead, settings: HeadSettings, features: Tensor, labels: Tensor, batch_size: int
    ) -> None:
        self.head = head
        self.settings = settings
        self.features = features
        self.labels = labels
        self.rows = labels.new_empty(batch_size)
        self.classes = torch.arange(len(head.bias), device=labels.device)
        self.batch = features.new_empty(batch_size, features.shape[1])

    def __call__(self) -> None:
        features = torch.index_select(self.features, 0, self.rows, out=self.batch)
        labels = self.labels.index_select(0, self.rows)
        head = self.head
        residual = torch.softmax(head.scores(features), dim=1)
        # Not scatter_add: its deterministic form makes the host wait for the device.
        residual.add_(labels.unsqueeze(1) == self.classes, alpha=-1).div_(len(labels))
        # The operator behind torch.optim's fused Adam: its Python code takes a third of a small step.
        head.steps.add_(1)
        torch._fused_adam_(
            [head.weight, head.bias],
            [residual.T @ features, residual.sum(dim=0)],
            head.first,
            head.second,
            [],
            [head.steps, head.steps],
            amsgrad=False,
            beta1=self.settings.beta1,
            beta2=0.999,
            lr=self.settings.lr,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
