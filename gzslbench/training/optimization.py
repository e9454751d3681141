"""One phase's optimizers and its step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.computing.device import lowered
from gzslbench.computing.span import span
from gzslbench.errors import PluginError
from gzslbench.plugins.method import Optimizer, Phase
from gzslbench.training.batch import Batch
from gzslbench.training.update_rule import Moments, UpdateRule, no_moments


class PhaseOptimizer:
    """Steps the modules that ``phase`` updates; the method's other modules are frozen meanwhile."""

    def __init__(
        self,
        phase: Phase,
        modules: nn.ModuleDict,
        precision: str = "fp32",
        moments: Moments | None = None,
    ) -> None:
        """``moments``: Those of the stage, which its phases share.

        Raises:
            PluginError: The phase has no optimizer for a module that it updates.
        """
        self.phase = phase
        self.precision = precision
        self.modules = modules
        kept = {id(p) for name in phase.keep_gradients for p in modules[name].parameters()}
        self.parameters = [p for name in phase.updates for p in modules[name].parameters()]
        self.kept = [p for p in self.parameters if id(p) in kept]
        self.zeroed = [p for p in self.parameters if id(p) not in kept]
        moments = no_moments() if moments is None else moments
        self.rules = [
            UpdateRule(settings, [p for name in names for p in modules[name].parameters()], moments)
            for settings, names in _settings(phase)
        ]
        self._holding = False

    def start_epoch(self, factor: float, *, first: bool = False) -> None:
        """Apply the schedule's ``factor`` to the learning rates and drop the gradients kept for an epoch.

        In the ``first`` epoch of the stage those kept for a stage are dropped as well.
        """
        for rule in self.rules:
            rule.set_factor(factor)
        if self.phase.kept_for == "stage" and not first:
            return
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
            if parameter.grad is None and any(parameter in rule.moments for rule in self.rules):
                parameter.grad = torch.zeros_like(parameter)
        for parameter in self.zeroed:
            parameter.grad = None

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One step on ``batch``; returns the loss terms, detached, as float64 on the device."""
        with span(self.phase.name):
            self.prepare()
            terms = self.differentiate(batch)
            self.update()
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

    def update(self) -> None:
        """Step by the gradients there are."""
        for rule in self.rules:
            rule.step()

    def state_dict(self) -> dict[str, Any]:
        """Moments, rates, and the gradients kept."""
        return {"rules": [rule.state_dict() for rule in self.rules], "kept": [p.grad for p in self.kept]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        for rule, saved in zip(self.rules, state["rules"], strict=True):
            rule.load_state_dict(saved)
        for parameter, gradient in zip(self.kept, state["kept"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)


def total(terms: Mapping[str, Tensor]) -> Tensor:
    """What a step descends: the sum of a loss's terms, each a number or one number a seed, in float32."""
    return torch.stack([term.float() for term in terms.values()]).sum()


def _settings(phase: Phase) -> list[tuple[Optimizer, tuple[str, ...]]]:
    """The phase's optimizers, each with the names of its modules."""
    if not isinstance(phase.optimizer, Mapping):
        return [(phase.optimizer, phase.updates)]
    missing = [name for name in phase.updates if name not in phase.optimizer]
    if missing:
        raise PluginError(
            f"phase {phase.name!r} updates {missing[0]!r}, for which it has no optimizer",
            where=f"Phase.optimizer of {phase.name!r}",
            fix="name an optimizer for each module in `updates`",
        )
    return [(phase.optimizer[name], (name,)) for name in phase.updates]
