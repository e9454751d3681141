"""Whether a method has what the trainer and the evaluator ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.computing.seeds import generator
from gzslbench.plugins.head import HeadSettings
from gzslbench.plugins.inputs import Batch, ClassNoise
from gzslbench.plugins.method import Phase, Stage
from gzslbench.testing.check import CheckFailure, demand
from gzslbench.testing.methods.case import SEED, MethodCase

PER_CLASS = 3
_SCORES = 1e-3


def networks_and_stages_fit(case: MethodCase) -> None:
    """`modules` holds the networks, and the phases of `stages` update modules that are among them."""
    method = case.built()[0]
    demand(
        isinstance(getattr(method, "modules", None), nn.ModuleDict),
        "the method's `modules` is no torch.nn.ModuleDict",
        "set self.modules = nn.ModuleDict({...}) in the constructor, with every network in it",
    )
    for name, tensor in method.modules.state_dict().items():
        demand(
            bool(tensor.isfinite().all()),
            f"{name} holds NaN or infinite numbers before training",
            "draw or solve it",
        )
    stages = method.stages()
    demand(
        all(isinstance(stage, Stage) for stage in stages),
        f"stages() returned {stages!r}",
        "return Stage objects of gzslbench.plugins.method, or an empty sequence where no step trains",
    )
    _demand_unique([stage.name for stage in stages], "stages")
    for stage in stages:
        demand(bool(stage.phases), f"stage {stage.name!r} has no phase", "give it one")
        _demand_unique([phase.name for phase in stage.phases], f"phases of stage {stage.name!r}")
        for phase in stage.phases:
            unknown = [name for name in phase.updates if name not in method.modules]
            demand(
                bool(phase.updates) and not unknown,
                f"phase {phase.name!r} updates {', '.join(unknown) or 'nothing'}",
                f"name modules among {', '.join(method.modules)} in `updates`",
            )


def losses_reach_what_they_update(case: MethodCase) -> None:
    """Every loss is named scalar terms, finite numbers, with a gradient for each module it updates."""
    method, view, _ = case.built()
    for stage in method.stages():
        for phase in stage.phases:
            of_all_classes = slice(None, None, max(1, len(view.labels) // stage.batch_size))
            noise = generator(view.features.device, SEED, "noise", stage.name)
            batch = Batch(view.features[of_all_classes], view.labels[of_all_classes], noise)
            terms = phase.loss(batch)
            _demand_scalars(phase, terms)
            _demand_gradients(phase, method.modules, sum(terms.values(), torch.zeros(())))


def answers_have_their_shapes(case: MethodCase) -> None:
    """It synthesizes and embeds, or scores, as its `kind` says, in the shapes asked for, for any classes."""
    method, view, held_out = case.built()
    method.modules.eval()
    every = held_out.semantics
    with torch.no_grad():
        for semantics in (every, every[:1]):
            if case.spec.kind == "scoring":
                _demand_method(method, "scores", case.spec.kind)
                scores = method.scores(view.features[:4], semantics)
                _demand_shape("scores", scores, (4, len(semantics)))
                continue
            _demand_generative(method, case.spec.kind)
            streams = [generator("cpu", SEED, "noise", str(i)) for i in range(len(semantics))]
            made = method.synthesize(semantics, ClassNoise(streams, PER_CLASS))
            embedded = method.embed(view.features[:4])
            wide = embedded.shape[-1] if method.head.space == "embedding" else view.features.shape[1]
            _demand_shape("synthesize", made, (PER_CLASS * len(semantics), wide))
            _demand_shape("embed", embedded, (4, embedded.shape[-1]))


def each_row_is_judged_by_itself(case: MethodCase) -> None:
    """What it makes of a row does not follow from the rows beside it, which in a test are test rows."""
    method, view, held_out = case.built()
    method.modules.eval()

    def answer(rows: Tensor) -> Tensor:
        if case.spec.kind == "scoring":
            return torch.as_tensor(method.scores(rows, held_out.semantics))
        return torch.as_tensor(method.embed(rows))

    with torch.no_grad():
        together = answer(view.features[:20].clone())
        alone = torch.cat([answer(view.features[i : i + 1].clone()) for i in range(20)])
    scale = float(together.abs().max().clamp(min=1e-12))
    apart = float((together - alone).abs().max()) / scale
    demand(
        apart < _SCORES,
        f"a row's answer changes by {apart:.2g} of the largest with the rows beside it",
        "leave statistics of the rows at hand out of embed and scores; use those of the training",
    )


def _demand_unique(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    demand(not twice, f"two {what} are called {', '.join(twice)}", "give each a name of its own")


def _demand_scalars(phase: Phase, terms: Any) -> None:
    demand(
        isinstance(terms, Mapping) and bool(terms),
        f"the loss of phase {phase.name!r} returned {type(terms).__name__}",
        "return a dictionary from the names of the terms to scalar tensors",
    )
    for name, term in terms.items():
        where = f"term {name!r} of phase {phase.name!r}"
        demand(
            isinstance(term, Tensor) and term.shape == (),
            f"{where} is {tuple(term.shape) if isinstance(term, Tensor) else type(term).__name__}, no scalar",
            "reduce it, for example by .mean()",
        )
        demand(bool(term.isfinite()), f"{where} is {term}", "guard its logarithms, roots and quotients")


def _demand_gradients(phase: Phase, modules: nn.ModuleDict, total: Tensor) -> None:
    if not total.requires_grad:
        raise CheckFailure(
            f"the loss of phase {phase.name!r} has no gradient",
            "compute it from the modules it updates, outside torch.no_grad() and without .detach()",
        )
    named = {name: [p for p in modules[name].parameters() if p.requires_grad] for name in phase.updates}
    flat = [parameter for parameters in named.values() for parameter in parameters]
    gradients = torch.autograd.grad(total, flat, allow_unused=True)
    reached = {id(p) for p, gradient in zip(flat, gradients, strict=True) if gradient is not None}
    for name, parameters in named.items():
        demand(
            any(id(parameter) in reached for parameter in parameters),
            f"the loss of phase {phase.name!r} does not depend on {name!r}, which it updates",
            f"leave {name!r} out of `updates`, or let the loss use it",
        )


def _demand_method(method: Any, name: str, kind: str) -> None:
    demand(
        callable(getattr(method, name, None)),
        f"the method has no {name}(), though its kind is {kind!r}",
        f"write {name}(), or change the spec's `kind`",
    )


def _demand_generative(method: Any, kind: str) -> None:
    for name in ("synthesize", "embed"):
        _demand_method(method, name, kind)
    settings = getattr(method, "head", None)
    demand(
        isinstance(settings, HeadSettings),
        "the method's `head` is no HeadSettings",
        "set self.head = gzslbench.plugins.head.HeadSettings(...) in the constructor",
    )
    assert settings is not None
    counts = settings.per_class, settings.batch_size, settings.epochs
    demand(
        all(count >= 1 for count in counts),
        f"the head's settings {astuple(settings)} have a count below 1",
        "give per_class, batch_size and epochs at least 1",
    )


def _demand_shape(call: str, answer: Any, expected: tuple[int, int]) -> None:
    shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
    demand(
        shape == expected,
        f"{call} returned {shape}, not {expected}",
        f"see {call} in gzslbench.plugins.method for what its rows and columns are",
    )
    demand(
        answer.is_floating_point() and bool(answer.isfinite().all()),
        f"{call} returned NaN, infinite numbers or no floats",
        "guard its logarithms, roots and quotients",
    )
