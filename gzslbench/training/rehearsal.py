"""A step rehearsed by each seed alone, to hold a joint step against."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gzslbench.computing.device import lowered
from gzslbench.training.batch import Batch
from gzslbench.training.optimization import PhaseOptimizer

TOLERANCE = {"fp32": 0.01, "tf32": 0.1, "bf16": 0.5}
"""Of a gradient relative to its length, and of a term: well above rounding (4e-4 was seen in fp32, 0.12 in
bf16), and below what another seed's networks or random numbers would give."""
NEGLIGIBLE = 1e-3
"""Whatever is smaller than this share of all of its kind is held to this share."""


class Rehearsal:
    """What a step of one seed alone gives; it leaves networks, gradients and random streams as they were.

    Attributes:
        terms: Of the loss, in its order.
        gradients: By the position of the optimizer's parameters.
        buffers: By the position of the modules' buffers, after the loss.
    """

    def __init__(self, optimizer: PhaseOptimizer, batch: Batch) -> None:
        self.tolerance = TOLERANCE[optimizer.precision]
        buffers = list(optimizer.modules.buffers())
        before = [buffer.clone() for buffer in buffers]
        noise = batch.noise.get_state()
        devices = [batch.features.device] if batch.features.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            self.terms, self.gradients = _step(optimizer, batch)
        self.buffers = [buffer.clone() for buffer in buffers]
        batch.noise.set_state(noise)
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)

    def equals(
        self, terms: Sequence[Tensor], gradients: Sequence[Tensor | None], buffers: Sequence[Tensor]
    ) -> bool:
        """Whether these are what the seed would have alone, up to rounding; of NaN nothing is asked."""
        pairs = ((self.terms, terms), (self.gradients, gradients), (self.buffers, buffers))
        return all(self._close(own, other) for own, other in pairs)

    def _close(self, own: Sequence[Tensor | None], other: Sequence[Tensor | None]) -> bool:
        lengths = [0.0 if each is None else float(each.double().norm()) for each in own]
        least = NEGLIGIBLE * float(torch.tensor(lengths).norm())
        for one, two, length in zip(own, other, lengths, strict=True):
            if one is None or two is None:
                if one is not two:
                    return False
            elif float((one.double() - two.double()).norm()) > self.tolerance * max(length, least):
                return False
        return True


def _step(optimizer: PhaseOptimizer, batch: Batch) -> tuple[list[Tensor], list[Tensor | None]]:
    with lowered(batch.features.device, optimizer.precision):
        terms = dict(optimizer.phase.loss(batch))
    total = torch.stack([term.float() for term in terms.values()]).sum()
    gradients = torch.autograd.grad(total, optimizer.parameters, allow_unused=True)
    return [term.detach() for term in terms.values()], list(gradients)
