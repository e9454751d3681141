"""One phase's step: loss, gradients, and the optimizers that update the networks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from inspect import Parameter, signature
from numbers import Real
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from gzslbench.computing.instrumentation import span
from gzslbench.errors import PluginError
from gzslbench.plugins.inputs import Batch
from gzslbench.plugins.method import Optimizer, Phase, Sgd, Stage, TorchOptimizer

Moments = defaultdict[str, defaultdict[Tensor, dict[str, Any]]]
"""What torch's optimizers remember of earlier steps, by kind of optimizer and by parameter."""


def no_moments() -> Moments:
    """Return the moments of a stage before its first step."""
    return defaultdict(lambda: defaultdict(dict))


class PhaseOptimizer:
    """Steps the modules that ``phase`` updates; the method's other modules are frozen during the step.

    The phases of a stage share its ``moments``; without them, the phase has its own.
    """

    def __init__(
        self,
        phase: Phase,
        modules: nn.ModuleDict,
        precision: str = "fp32",
        moments: Moments | None = None,
    ) -> None:
        self.phase = phase
        self.precision = precision
        self.modules = modules
        kept = {id(p) for name in phase.keep_gradients for p in modules[name].parameters()}
        parameters = [p for name in phase.updates for p in modules[name].parameters()]
        self.kept = [p for p in parameters if id(p) in kept]
        self.zeroed = [p for p in parameters if id(p) not in kept]
        moments = no_moments() if moments is None else moments
        self.rules = [
            UpdateRule(settings, [p for name in names for p in modules[name].parameters()], moments)
            for settings, names in _optimizers_by_modules(phase)
        ]
        self._gradients_stay = False
        self.steps = 0
        self.factor = 1.0

    def start_epoch(self, factor: float, *, first: bool = False) -> None:
        """Apply the schedules' ``factor`` to the learning rates and drop the gradients kept for an epoch.

        In the ``first`` epoch of the stage those kept for a stage are dropped as well.
        """
        self.factor = factor
        for rule in self.rules:
            rule.set_rate(rule.settings.lr * factor)
        if self.phase.kept_for == "stage" and not first:
            return
        for parameter in self.kept:
            if self._gradients_stay and parameter.grad is not None:
                parameter.grad.zero_()
            else:
                parameter.grad = None

    def prepare_step(self) -> None:
        """Set the learning rates of the next step and count it; not part of a captured step."""
        if self.phase.step_schedule is not None:
            factor = factor_of(self.phase.step_schedule, self.steps, self.phase)
            for rule in self.rules:
                rule.set_rate(rule.settings.lr * self.factor * factor)
        self.steps += 1

    def fix_gradients(self) -> None:
        """Leave kept gradients where they are from now on, because a captured step adds to that memory.

        The other gradients are dropped, so that a captured step allocates its own.
        """
        self._gradients_stay = True
        for parameter in self.kept:
            if parameter.grad is None and any(parameter in rule.moments for rule in self.rules):
                parameter.grad = torch.zeros_like(parameter)
        for parameter in self.zeroed:
            parameter.grad = None

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step on ``batch``; return the loss terms, detached, as float64 on the device."""
        phase = self.phase
        with span(phase.name):
            for name, module in self.modules.items():
                module.requires_grad_(name in phase.updates)
            for parameter in self.zeroed:
                parameter.grad = None
            # The backward pass lies outside: autocast keeps bfloat16 copies of the weights until it ends.
            lower = self.precision == "bf16"
            with torch.autocast(batch.features.device.type, dtype=torch.bfloat16, enabled=lower):
                terms = check_terms(phase, phase.loss(batch))
                terms = {name: term.reshape(()) for name, term in terms.items()}
            total = torch.stack([term.float() for term in terms.values()]).sum()
            total.backward()  # type: ignore[no-untyped-call]
            values = {name: term.detach().double() for name, term in terms.items()}
            if phase.clip_norm is not None:
                # The check for finite gradients would make the host wait; the losses are checked anyway.
                clipped = [*self.zeroed, *self.kept]
                nn.utils.clip_grad_norm_(clipped, phase.clip_norm, error_if_nonfinite=False)
            for rule in self.rules:
                rule.step()
            if phase.after_step is not None:
                with torch.no_grad():
                    phase.after_step()
        return values

    def state_dict(self) -> dict[str, Any]:
        """Return moments, learning rates, kept gradients and the number of steps."""
        rules, kept = [rule.state_dict() for rule in self.rules], [p.grad for p in self.kept]
        return {"rules": rules, "kept": kept, "steps": self.steps, "factor": self.factor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        for rule, saved in zip(self.rules, state["rules"], strict=True):
            rule.load_state_dict(saved)
        for parameter, gradient in zip(self.kept, state["kept"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)  # checks the shape
        # Checkpoints of 0.1 have neither, and no method with a step schedule.
        self.steps = msgspec.convert(state.get("steps", 0), int)
        self.factor = msgspec.convert(state.get("factor", 1.0), float)


class UpdateRule:
    """One optimizer of torch over ``parameters``; other rules of the stage may share its moments."""

    def __init__(self, settings: Optimizer, parameters: Sequence[nn.Parameter], moments: Moments) -> None:
        self.settings = settings
        self.parameters = parameters
        self.rate = settings.lr
        # A replayed step reads the rate from memory. The fused Adam of CUDA takes only float32.
        device = parameters[0].device
        precision = torch.float32 if device.type == "cuda" else torch.float64
        self._device_rate = torch.tensor(settings.lr, dtype=precision, device=device)
        self.moments = moments[getattr(settings, "name", type(settings).__name__)]
        self._torch = _torch_optimizer(settings, parameters, self._device_rate)
        for parameter, start in self._torch.state.items():  # before torch 2.10, Adagrad makes its state here
            self.moments.setdefault(parameter, start)
        self._torch.state = self.moments

    def set_rate(self, rate: float) -> None:
        """Set the learning rate."""
        self.rate = rate
        self._device_rate.fill_(rate)

    def step(self) -> None:
        """Update the parameters that have gradients."""
        self._torch.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the learning rate, and the moments in the order of the parameters."""
        return {"rate": self.rate, "moments": [self.moments.get(p, {}) for p in self.parameters]}

    def _names_of_moments(self) -> set[str]:
        """Return what the optimizer remembers of each parameter after a step."""
        probe = nn.Parameter(torch.zeros_like(self.parameters[0]))
        probe.grad = torch.zeros_like(probe)
        optimizer = _torch_optimizer(self.settings, [probe], self._device_rate)
        optimizer.step()
        return set(optimizer.state[probe])

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state``."""
        self.set_rate(msgspec.convert(state["rate"], float))
        expected = self._names_of_moments()
        for parameter, moments in zip(self.parameters, state["moments"], strict=True):
            shapes = {tuple(value.shape) for value in moments.values() if isinstance(value, Tensor)}
            if (moments and set(moments) != expected) or not shapes <= {(), tuple(parameter.shape)}:
                raise ValueError(f"moments {', '.join(moments)} of shapes {shapes} for {self.settings}")
            if moments:
                self.moments[parameter] = deepcopy(moments)
            else:
                self.moments.pop(parameter, None)


def factor_of(schedule: Callable[[int], float], number: int, of: Phase | Stage) -> float:
    """Return what a schedule says of an epoch or a step: a number from 0."""
    factor: object = schedule(number)
    one = isinstance(factor, Real) or (isinstance(factor, Tensor) and factor.numel() == 1)
    if one and 0 <= (value := float(factor)) < math.inf:  # type: ignore[arg-type]
        return value
    what, fix = f"the schedule returned {factor!r:.80} at {number}", "return a number from 0"
    raise PluginError(what, where=f"{type(of).__name__.lower()} {of.name!r}", fix=fix)


def check_terms(phase: Phase, terms: object) -> dict[str, Tensor]:
    """Return the terms of a loss: at least one number that gradients flow through, by name."""
    if not isinstance(terms, Mapping) or not terms:
        found = "no terms" if terms is None or isinstance(terms, Mapping) else type(terms).__name__
    elif names := [name for name in terms if not (isinstance(name, str) and name.isprintable())]:
        found = f"a term called {names[0]!r:.80}, which the log cannot show"
    elif wrong := [name for name, term in terms.items() if not isinstance(term, Tensor) or term.numel() != 1]:
        found = f"{type(terms[wrong[0]]).__name__} for {wrong[0]!r}, not a tensor of one number"
    elif any(term.is_complex() for term in terms.values()):
        found = "a complex number"
    elif not any(term.requires_grad for term in terms.values()):
        found = "terms that depend on no parameter of the updated modules"
    else:
        return dict(terms)
    fix = "return tensors of one number by name, computed without no_grad() and detach(): see Phase.loss"
    raise PluginError(f"the loss returned {found}", where=f"phase {phase.name!r}", fix=fix)


def _optimizers_by_modules(phase: Phase) -> list[tuple[Optimizer, tuple[str, ...]]]:
    """Return the phase's optimizers, each with the names of the modules it steps."""
    if not isinstance(phase.optimizer, Mapping):
        return [(phase.optimizer, phase.updates)]
    missing = [name for name in phase.updates if name not in phase.optimizer]
    if missing:
        what = f"phase {phase.name!r} updates {missing[0]!r}, for which it has no optimizer"
        fix = "name an optimizer for each module in `updates`"
        raise PluginError(what, where=f"Phase.optimizer of {phase.name!r}", fix=fix)
    return [(phase.optimizer[name], (name,)) for name in phase.updates]


def _torch_optimizer(
    settings: Optimizer, parameters: Sequence[nn.Parameter], rate: Tensor
) -> torch.optim.Optimizer:
    if isinstance(settings, TorchOptimizer):
        name, arguments = settings.name, {"lr": rate, **settings.options}
    else:
        name, arguments = "SGD" if isinstance(settings, Sgd) else "Adam", {**asdict(settings), "lr": rate}
    cls = getattr(torch.optim, name, None)
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        fix = "name a class of torch.optim, for example AdamW"
        raise PluginError(f"torch has no optimizer {name!r}", where="TorchOptimizer.name", fix=fix)
    if "closure" in (step := signature(cls.step).parameters) and step["closure"].default is Parameter.empty:
        what = f"torch.optim.{name} computes the loss several times in a step"
        raise PluginError(what, where="TorchOptimizer.name", fix="name one whose step needs no closure")
    accepted = signature(cls).parameters
    if "fused" in accepted:
        arguments["fused"] = all(parameter.is_floating_point() for parameter in parameters)
    elif "foreach" in accepted and not parameters[0].is_cuda:
        arguments["foreach"] = False  # the other form reads a learning rate in memory on the host
    if "capturable" in accepted:
        arguments["capturable"] = parameters[0].is_cuda  # a step in a CUDA graph needs it
    try:
        return cls(parameters, **arguments)
    except (TypeError, ValueError) as error:
        what, fix = f"torch.optim.{name} cannot be made: {error}", "give only its arguments"
        raise PluginError(what, where="TorchOptimizer.options", fix=fix) from error
