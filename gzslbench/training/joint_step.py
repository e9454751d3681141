"""One phase's step for several seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gzslbench.computing.chunk import is_shortage
from gzslbench.computing.device import lowered
from gzslbench.errors import GzslBenchError, PluginError
from gzslbench.plugins.method import Phase
from gzslbench.training.batch import Batch
from gzslbench.training.optimization import PhaseOptimizer, total
from gzslbench.training.rehearsal import PRECISION, Rehearsal, networks_of, rehearsing
from gzslbench.training.seed_batch import SeedBatch, SeedBatches
from gzslbench.training.stack import Stack


class JointStep:
    """Steps one phase's optimizers, one a seed, by gradients computed at once.

    The loss is the first seed's, so whatever differs between seeds must lie in the method's modules or come
    from the batch; before the first step it is rehearsed, and held against what each seed gives alone.
    """

    def __init__(self, optimizers: Sequence[PhaseOptimizer], stack: Stack) -> None:
        first = optimizers[0]
        self.optimizers = optimizers
        self.phase = first.phase
        self.precision = first.precision
        self.stack = stack
        self.loss = _Loss(first.modules, first.phase)
        names = {id(parameter): name for name, parameter in first.modules.named_parameters()}
        kept = {id(parameter) for parameter in first.kept}
        self.updated = [names[id(parameter)] for parameter in first.parameters]
        self.kept = [id(parameter) in kept for parameter in first.parameters]
        self.rehearsed = False

    def __call__(self, batches: SeedBatches) -> list[dict[str, Tensor]]:
        """One step on a batch a seed; each seed's terms, as ``PhaseOptimizer.step`` returns them.

        Raises:
            PluginError: At the first step: the method cannot train several seeds together.
        """
        for optimizer in self.optimizers:
            optimizer.prepare()
        self.stack.require_gradients()
        terms, gradients = self._differentiated(batches)
        self._add(gradients)
        for optimizer in self.optimizers:
            optimizer.update()
        by_seed = zip(*(values.double().unbind() for values in terms.values()), strict=True)
        return [dict(zip(terms, own, strict=True)) for own in by_seed]

    def hold_gradients(self) -> None:
        """``PhaseOptimizer.hold_gradients`` of each seed."""
        for optimizer in self.optimizers:
            optimizer.hold_gradients()

    def _differentiated(self, batches: SeedBatches) -> tuple[dict[str, Tensor], list[Tensor | None]]:
        """``_differentiate`` at the precision asked for, rehearsed before the first time."""
        if self.rehearsed:
            return self._differentiate(batches, self.precision)
        self._rehearse(batches)
        first = self._tried(batches, self.precision)
        self.rehearsed = True
        return first

    def _differentiate(
        self, batches: SeedBatches, precision: str
    ) -> tuple[dict[str, Tensor], list[Tensor | None]]:
        """The terms, ``(S,)`` each, and the gradients of the updated parameters, ``(S, ...)`` each."""

        def losses(
            networks: dict[str, Tensor], features: Tensor, labels: Tensor, epoch: Tensor, seed: Tensor
        ) -> Any:
            batch = SeedBatch(features, labels, batches.own[0].noise, epoch, seed=seed, own=batches.own)
            return functional_call(self.loss, networks, (batch,))

        networks = {f"networks.{name}": tensor for name, tensor in self.stack.tensors.items()}
        seeds = torch.arange(len(batches.own))
        with lowered(batches.features.device, precision):
            mapped = torch.vmap(losses, randomness="error")
            terms = mapped(networks, batches.features, batches.labels, batches.epochs, seeds)
        wanted = [self.stack.tensors[name] for name in self.updated]
        gradients = torch.autograd.grad(total(terms), wanted, allow_unused=True)
        return {name: term.detach() for name, term in terms.items()}, list(gradients)

    def _rehearse(self, batches: SeedBatches) -> None:
        """Make sure that the step gives what each seed has alone; afterwards everything is as it was."""
        alone = [Rehearsal(*each) for each in zip(self.optimizers, batches.own, strict=True)]
        modules = [optimizer.modules for optimizer in self.optimizers]
        with rehearsing(modules, batches.own):
            terms, gradients = self._tried(batches, PRECISION)
            for seed, rehearsal in enumerate(alone):
                own_terms = [values[seed] for values in terms.values()]
                own = [None if gradient is None else gradient[seed] for gradient in gradients]
                if not rehearsal.equals(own_terms, own, networks_of(modules[seed])):
                    raise self._refusal("its steps would not be those of each seed alone")

    def _tried(self, batches: SeedBatches, precision: str) -> tuple[dict[str, Tensor], list[Tensor | None]]:
        """``_differentiate`` for the first time: whatever fails comes of vmap, for each seed alone could."""
        try:
            return self._differentiate(batches, precision)
        except Exception as error:
            if is_shortage(error) or isinstance(error, GzslBenchError):
                raise
            raise self._refusal(str(error).partition("\n")[0]) from error

    def _refusal(self, why: str) -> PluginError:
        return PluginError(
            f"the method cannot train several seeds together: {why}",
            where=f"loss of phase {self.phase.name!r}",
            fix="leave out --together; see gzslbench.training.joint_step for what a loss must keep to",
        )

    def _add(self, gradients: Sequence[Tensor | None]) -> None:
        """Add to each seed's gradients, which were dropped where they are not kept."""
        for position, gradient in enumerate(gradients):
            if gradient is None:
                continue
            for optimizer, row in zip(self.optimizers, gradient.unbind(), strict=True):
                parameter = optimizer.parameters[position]
                own = row.contiguous()  # fused Adam takes it to be laid out as its parameter
                if parameter.grad is not None:
                    parameter.grad += own
                else:  # a checkpoint of what is kept would hold all the memory that ``own`` is a view of
                    parameter.grad = own.clone() if self.kept[position] else own


class _Loss(nn.Module):
    """A phase's loss as a function of the networks, which ``functional_call`` replaces."""

    def __init__(self, networks: nn.ModuleDict, phase: Phase) -> None:
        super().__init__()
        self.networks = networks
        self.phase = phase

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return dict(self.phase.loss(batch))
