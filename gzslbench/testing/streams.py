"""What must hold of an evolving method or head, see ``gzslbench.plugins.Evolving``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gzslbench.evaluation.checked_method import score_stream
from gzslbench.testing.check import require


def require_sound_stream(
    evolver: object,
    arguments: Callable[[], tuple[object, ...]],
    scores: Callable[[Tensor], Tensor],
    rows: Tensor,
) -> None:
    """Require that it learns from a stream, the same from the same stream, and on a copy.

    ``arguments`` returns those of ``evolve``, each time the same random numbers; ``scores`` are those of what
    was trained, and ``rows`` are ``(n, d)``.
    """
    before, global_stream = scores(rows.clone()), torch.get_rng_state()
    one, other = (score_stream(evolver, rows, before.shape[1], *arguments()) for _ in range(2))
    fix = "draw only from the generator, and start from what was trained"
    require(torch.equal(one, other), "two streams of the same rows give different scores", fix)
    same = torch.equal(global_stream, torch.get_rng_state())
    require(same, "it draws from torch's global random stream", fix)
    same = torch.equal(before, scores(rows.clone()))
    require(same, "the stream changes what was trained", "let it learn on a copy, for example a deepcopy")
    fix = "learn in learn(), or declare another setting"
    require(not torch.allclose(one, before), "it learned nothing from the stream", fix)
