"""A step rehearsed by each seed alone, to hold a joint step against.

Both are computed in fp32, whatever the precision asked for, whose rounding would hide what differs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from gzslbench.computing.device import lowered, numerics
from gzslbench.training.batch import Batch
from gzslbench.training.optimization import PhaseOptimizer, total

PRECISION = "fp32"
TOLERANCE = 0.01
"""Of a gradient relative to its length, and of a term: well above rounding (4e-4 was seen), and below what
another seed's networks or random numbers would give."""
NEGLIGIBLE = 1e-3
"""Whatever is smaller than this share of all of its kind is held to this share."""


class Rehearsal:
    """What a step of one seed alone gives; it leaves networks, gradients and random streams as they were.

    Attributes:
        terms: Of the loss, in its order.
        gradients: By the position of the optimizer's parameters.
        networks: Parameters and buffers after the loss, in the order of ``networks_of``.
    """

    def __init__(self, optimizer: PhaseOptimizer, batch: Batch) -> None:
        with rehearsing([optimizer.modules], [batch]):
            with lowered(batch.features.device, PRECISION):
                terms = dict(optimizer.phase.loss(batch))
            gradients = torch.autograd.grad(total(terms), optimizer.parameters, allow_unused=True)
            self.terms = [term.detach() for term in terms.values()]
            self.gradients = list(gradients)
            self.networks = [tensor.clone() for tensor in networks_of(optimizer.modules)]

    def equals(
        self, terms: Sequence[Tensor], gradients: Sequence[Tensor | None], networks: Sequence[Tensor]
    ) -> bool:
        """Whether these are what the seed has alone, up to rounding; where it has NaN, nothing is asked."""
        pairs = ((self.terms, terms), (self.gradients, gradients), (self.networks, networks))
        return all(_close(own, other) for own, other in pairs)


@contextmanager
def rehearsing(modules: Sequence[nn.ModuleDict], batches: Sequence[Batch]) -> Iterator[None]:
    """Compute in full fp32 inside; afterwards networks and random streams are as they were."""
    device = batches[0].features.device
    networks = [(tensor, tensor.clone()) for each in modules for tensor in networks_of(each)]
    buffers = [
        (module, name, buffer)
        for each in modules
        for module in each.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    noise = [batch.noise.get_state() for batch in batches]
    strict = torch.are_deterministic_algorithms_enabled()
    try:
        with (
            torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
            numerics(PRECISION, strict),
        ):
            yield
    finally:
        for batch, state in zip(batches, noise, strict=True):
            batch.noise.set_state(state)
        for module, name, buffer in buffers:  # a loss may have put another one in its place
            setattr(module, name, buffer)
        for tensor, value in networks:
            tensor.copy_(value)


def networks_of(modules: nn.ModuleDict) -> list[Tensor]:
    """What a loss could write to: parameters and buffers, without their history."""
    return [tensor.detach() for tensor in (*modules.parameters(), *modules.buffers())]


def _close(own: Sequence[Tensor | None], other: Sequence[Tensor | None]) -> bool:
    if [_shape(each) for each in own] != [_shape(each) for each in other]:
        return False
    lengths = [0.0 if each is None else float(each.double().norm()) for each in own]
    least = NEGLIGIBLE * math.hypot(*lengths)
    if not math.isfinite(least):
        return True
    for one, two, length in zip(own, other, lengths, strict=True):
        if one is not None and two is not None:
            difference = float((one.double() - two.double()).norm())
            if not difference <= TOLERANCE * max(length, least):  # nor is NaN
                return False
    return True


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape
