"""What must hold of an evolving method or head, see ``gzslbench.plugins.spec.Evolving``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gzslbench.plugins.spec import Evolving
from gzslbench.testing.check import require


def require_sound_stream(
    evolve: Callable[[], Evolving], scores: Callable[[Tensor], Tensor], rows: Tensor
) -> None:
    """Require that a model learns from a stream, the same from the same stream, and on a copy.

    Args:
        evolve: Returns the model that evolves, each time from the same random numbers.
        scores: Those of what was trained, which no stream may change.
        rows: ``(n, d)``, at least two of them, which differ.
    """
    size = evolve().batch_size
    fix = "set batch_size to an integer of at least 1"
    require(isinstance(size, int) and size >= 1, f"batch_size is {size!r}", fix)
    rows = rows[torch.arange(2 * size) % len(rows)]  # two batches, also of few rows
    before, stream = scores(rows.clone()), torch.get_rng_state()
    first, second = _two_batches(evolve(), rows, size)
    fix = "draw only from the generator, and start from what was trained"
    same = all(map(torch.equal, (first, second), _two_batches(evolve(), rows, size)))
    require(same, "two streams of the same rows give different scores", fix)
    same = torch.equal(stream, torch.get_rng_state())
    require(same, "it draws from torch's global random stream", fix)
    same = torch.equal(before, scores(rows.clone()))
    require(same, "the stream changes what was trained", "let it learn on a copy, for example a deepcopy")
    fix = "learn in learn(), or declare another setting"
    require(not torch.equal(second, scores(rows[size:].clone())), "it learned nothing from a batch", fix)


def _two_batches(model: Evolving, rows: Tensor, size: int) -> tuple[Tensor, Tensor]:
    first = model.scores(rows[:size].clone()).detach().clone()
    with torch.enable_grad():
        model.learn(rows[:size].clone())
    return first, model.scores(rows[size:].clone()).detach().clone()
