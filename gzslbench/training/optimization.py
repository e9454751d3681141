"""One phase's optimizer and its step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.computing.device import lowered
from gzslbench.computing.span import span
from gzslbench.method import Phase
from gzslbench.training.batch import Batch


class PhaseOptimizer:
    """Adam over the modules that ``phase`` updates; the method's other modules are frozen meanwhile."""

    def __init__(self, phase: Phase, modules: nn.ModuleDict, precision: str = "fp32") -> None:
        self.phase = phase
        self.precision = precision
        self.modules = modules
        kept = {id(p) for name in phase.keep_gradients for p in modules[name].parameters()}
        self.parameters = [p for name in phase.updates for p in modules[name].parameters()]
        self.kept = [p for p in self.parameters if id(p) in kept]
        self.zeroed = [p for p in self.parameters if id(p) not in kept]
        settings = phase.optimizer
        self.rate = settings.lr
        self.adam = torch.optim.Adam(
            self.parameters,
            lr=_tensor(settings.lr, self.parameters[0].device),
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            fused=all(p.is_floating_point() for p in self.parameters),
            capturable=self.parameters[0].is_cuda,
        )
        self._own = {name: self.adam.param_groups[0][name] for name in ("lr", "capturable")}
        self._holding = False

    def start_epoch(self, factor: float) -> None:
        """Apply the schedule's ``factor`` to the learning rate and drop the gradients kept so far."""
        self._set_rate(self.phase.optimizer.lr * factor)
        for parameter in self.kept:
            if self._holding and parameter.grad is not None:
                parameter.grad.zero_()
            else:
                parameter.grad = None

    def hold_gradients(self) -> None:
        """From now on a kept gradient stays where it is: a captured step adds to it there.

        The others go, so that a captured step makes its own.
        """
        self._holding = True
        for parameter in self.kept:
            if parameter.grad is None and parameter in self.adam.state:
                parameter.grad = torch.zeros_like(parameter)
        for parameter in self.zeroed:
            parameter.grad = None

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One step on ``batch``; returns the loss terms, detached, as float64 on the device."""
        with span(self.phase.name):
            self.prepare()
            terms = self.differentiate(batch)
            self.adam.step()
        return terms

    def prepare(self) -> None:
        """Freeze what the phase does not update, and drop the gradients it does not keep."""
        for name, module in self.modules.items():
            module.requires_grad_(name in self.phase.updates)
        for parameter in self.zeroed:
            parameter.grad = None

    def differentiate(self, batch: Batch) -> dict[str, Tensor]:
        """Add the gradients of the summed terms at ``batch``; returns the terms as ``step`` does."""
        with lowered(batch.features.device, self.precision):
            terms = dict(self.phase.loss(batch))
        total(terms).backward()  # type: ignore[no-untyped-call]
        return {name: term.detach().double() for name, term in terms.items()}

    def state_dict(self) -> dict[str, Any]:
        """Adam's moments and the gradients kept within the epoch."""
        adam = self.adam.state_dict()
        for group in adam["param_groups"]:
            group["lr"] = self.rate
        return {"adam": adam, "kept": [p.grad for p in self.kept]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.adam.load_state_dict(state["adam"])
        for group in self.adam.param_groups:
            self._set_rate(group["lr"])
            group.update(self._own)
        for parameter, gradient in zip(self.kept, state["kept"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)

    def _set_rate(self, rate: float) -> None:
        self.rate = rate
        self._own["lr"].fill_(rate)


def total(terms: Mapping[str, Tensor]) -> Tensor:
    """What a step descends: the sum of a loss's terms, each a number or one number a seed, in float32."""
    return torch.stack([term.float() for term in terms.values()]).sum()


def _tensor(rate: float, device: torch.device) -> Tensor:
    """A learning rate where a captured step reads it anew; CUDA's fused Adam takes it in float32 alone."""
    return torch.tensor(rate, dtype=torch.float32 if device.type == "cuda" else torch.float64, device=device)
