"""Checks that a method has what the trainer and the evaluator need."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.computing.seeds import generator
from gzslbench.evaluation.checked_method import check_matrix, check_settings
from gzslbench.plugins.inputs import Batch, ClassNoise
from gzslbench.plugins.method import Phase
from gzslbench.testing.check import NotApplicable, require
from gzslbench.testing.methods.case import SEED, MethodCase
from gzslbench.testing.streams import require_sound_stream
from gzslbench.training.optimization import check_terms
from gzslbench.training.trainer import check_stages

_PER_CLASS = 3
_ROWS = 20
_MAX_INFLUENCE = 1e-3
_GUARD = "guard its logarithms, roots and quotients"


def networks_and_stages_fit(case: MethodCase) -> None:
    """`modules` contains the networks, and the phases of `stages` update modules among them."""
    method = case.build()[0]
    for name, tensor in method.modules.state_dict().items():
        finite = bool(tensor.isfinite().all())
        require(finite, f"{name} is NaN or infinite before training", "draw it or compute it")
    for stage in check_stages(method, method.stages()):
        require(bool(stage.phases), f"stage {stage.name!r} has no phase", "add a phase")


def losses_reach_what_they_update(case: MethodCase) -> None:
    """Every loss returns named, finite scalar terms, with a gradient for each module it updates."""
    method, view, _ = case.build()
    for stage in method.stages():
        for phase in stage.phases:
            of_all_classes = slice(None, None, max(1, len(view.labels) // stage.batch_size))
            noise = generator(view.features.device, SEED, "noise", stage.name)
            batch = Batch(view.features[of_all_classes], view.labels[of_all_classes], noise)
            terms = check_terms(phase, phase.loss(batch))
            for name, term in terms.items():
                where, shape = f"term {name!r} of phase {phase.name!r}", tuple(term.shape)
                require(shape == (), f"{where} is {shape}, not a scalar", "reduce it, for example by .mean()")
                require(bool(term.isfinite()), f"{where} is {term}", _GUARD)
            _require_gradients(phase, method.modules, sum(terms.values(), torch.zeros(())))


def outputs_have_their_shapes(case: MethodCase) -> None:
    """It synthesizes and embeds, or scores, as its `kind` says, in the right shapes, for any classes."""
    method, view, held_out = case.build()
    method.modules.eval()
    features, all_semantics = view.features[:4], held_out.semantics
    with torch.no_grad():
        for semantics in (all_semantics, all_semantics[:1]):
            if case.spec.kind == "scoring":
                _require_call(method, "scores", case.spec.kind)
                _require_matrix("scores", method, method.scores(features, semantics), 4, len(semantics))
                continue
            _require_call(method, "synthesize", case.spec.kind)
            _require_call(method, "embed", case.spec.kind)
            check_settings(getattr(method, "head", None), method)
            streams = [generator("cpu", SEED, "noise", str(i)) for i in range(len(semantics))]
            synthesized = method.synthesize(semantics, ClassNoise(streams, _PER_CLASS))
            embedded = method.embed(features)
            width = embedded.shape[-1] if method.head.space == "embedding" else features.shape[1]
            _require_matrix("synthesize", method, synthesized, _PER_CLASS * len(semantics), width)
            _require_matrix("embed", method, embedded, 4)


def rows_do_not_influence_each_other(case: MethodCase) -> None:
    """The output for a row does not depend on the other rows, which in a test are test rows."""
    method, view, held_out = case.build()
    method.modules.eval()

    def output(rows: Tensor) -> Tensor:
        if case.spec.kind == "scoring":
            return torch.as_tensor(method.scores(rows, held_out.semantics))
        return torch.as_tensor(method.embed(rows))

    with torch.no_grad():
        together = output(view.features[:_ROWS].clone())
        single = torch.cat([output(view.features[i : i + 1].clone()) for i in range(_ROWS)])
    difference = float((together - single).abs().max() / together.abs().max().clamp(min=1e-12))
    what = f"the output for a row changes by {difference:.2g} of the largest with the rows next to it"
    fix = "do not use statistics of the given rows in embed and scores; use those of the training rows"
    require(difference < _MAX_INFLUENCE, what, fix)


def it_evolves_along_the_stream_only(case: MethodCase) -> None:
    """An evolving method learns from each batch after it scored it, on a copy of its networks."""
    if case.spec.setting != "evolving":
        raise NotApplicable("its setting is not evolving")
    method, _, held_out = case.build()
    method.modules.eval()

    def arguments() -> tuple[object, ...]:
        return held_out.semantics.clone(), held_out.seen.clone(), generator("cpu", SEED)

    with torch.no_grad():
        score = partial(method.scores, semantics=held_out.semantics)
        require_sound_stream(method, arguments, score, held_out.features)


def _require_gradients(phase: Phase, modules: nn.ModuleDict, total: Tensor) -> None:
    for name in phase.updates:
        parameters = [parameter for parameter in modules[name].parameters() if parameter.requires_grad]
        gradients = parameters and torch.autograd.grad(
            total, parameters, retain_graph=True, allow_unused=True
        )
        what = f"the loss of phase {phase.name!r} does not depend on {name!r}, which it updates"
        reached = any(gradient is not None for gradient in gradients)
        require(reached, what, f"remove {name!r} from `updates`, or use it in the loss")


def _require_call(method: Any, name: str, kind: str) -> None:
    what = f"the method has no {name}(), but its kind is {kind!r}"
    require(callable(getattr(method, name, None)), what, f"write {name}(), or change the spec's `kind`")


def _require_matrix(call: str, method: Any, output: Any, rows: int, width: int | None = None) -> None:
    finite = bool(check_matrix(call, method, output, rows, width).isfinite().all())
    require(finite, f"{call} returned NaN or infinite numbers", _GUARD)
