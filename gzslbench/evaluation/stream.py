"""The stream of the setting evolving: each batch of test rows is scored before the model learns from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gzslbench.errors import PluginError
from gzslbench.evaluation.checked_method import check_matrix
from gzslbench.plugins.spec import Evolving


def score_stream(scorer: Any, rows: Tensor, classes: int, *arguments: Any) -> Tensor:
    """Let a method or a fitted head evolve over ``rows``, and return the scores of each before it is learned.

    The model gets one batch at a time, a copy without labels, so no score depends on a later batch.

    Args:
        scorer: What has ``evolve``.
        rows: ``(n, d)`` features in the order of the stream.
        classes: K.
        arguments: Those of ``evolve``.

    Returns:
        ``(n, K)``.

    Raises:
        PluginError: There is no ``evolve``, or the scores have a wrong shape.
    """
    if not hasattr(scorer, "evolve"):
        fix = "write evolve, see gzslbench.plugins.spec.Evolving, or correct the setting of the spec"
        raise PluginError(
            "the setting is evolving, but evolve is missing", where=type(scorer).__name__, fix=fix
        )
    model: Evolving = scorer.evolve(*arguments)
    parts = []
    for start in range(0, len(rows), model.batch_size):
        batch = rows[start : start + model.batch_size]
        scores = check_matrix("scores", model, model.scores(batch.clone()), len(batch), classes)
        parts.append(scores.detach().clone())  # learning may change what it returned
        with torch.enable_grad():
            model.learn(batch.clone())
    return torch.cat(parts)
