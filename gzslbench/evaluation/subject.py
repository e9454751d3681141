"""The method under evaluation: asked in chunks, its answers checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gzslbench.computing.chunk import Chunk
from gzslbench.computing.span import span
from gzslbench.errors import PluginError

if TYPE_CHECKING:
    from gzslbench.method import GenerativeMethod, ScoringMethod

SYNTHESIZED_AT_ONCE = 8192
"""Rows asked of ``synthesize`` in one call: fixed, for the numbers that a generator draws depend on it."""


class Subject:
    """Asks a method for scores, embeddings and synthesized features, at most ``chunk`` rows at once.

    The chunk shrinks where memory runs out. Each answer must have the shape asked for.
    """

    def __init__(self, method: GenerativeMethod | ScoringMethod, chunk: Chunk) -> None:
        self.method = method
        self.chunk = chunk

    def scores(self, rows: Tensor, semantics: Tensor) -> Tensor:
        """``(n, d)`` features and ``(K, a)`` semantics to ``(n, K)`` scores."""

        def scored(part: Tensor) -> Tensor:
            scores: Tensor = self.method.scores(part.clone(), semantics.clone())  # type: ignore[union-attr]
            return self._checked("scores", scores, (len(part), len(semantics)))

        return torch.cat(list(self.chunk.over(rows, scored)))

    def embed(self, blocks: Iterable[Tensor], rows: int) -> Tensor:
        """``(rows, e)`` float32: copies of the blocks embedded, below each other, never held twice."""
        embedded, start = torch.empty(rows, 0), 0
        for block in blocks:
            for part in self.chunk.over(block, self._embedded):
                if start == 0:
                    embedded = torch.empty(rows, part.shape[-1], device=part.device)
                self._checked("embed", part, (len(part), embedded.shape[1]))
                embedded[start : start + len(part)] = part
                start += len(part)
        return embedded

    def synthesize(self, semantics: Tensor, features: int, random: torch.Generator) -> Tensor:
        """``(1, a)`` semantics of one class to its ``(per_class, features)`` rows."""
        count = self.method.head.per_class  # type: ignore[union-attr]
        parts = []
        with span("synthesis"):
            for start in range(0, count, SYNTHESIZED_AT_ONCE):
                asked = min(SYNTHESIZED_AT_ONCE, count - start)
                part: Tensor = self.method.synthesize(semantics, asked, random)  # type: ignore[union-attr]
                parts.append(self._checked("synthesize", part, (asked, features)))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _embedded(self, rows: Tensor) -> Tensor:
        with span("embedding"):
            embedded: Tensor = self.method.embed(rows.clone())  # type: ignore[union-attr]
        if embedded.dim() != 2 or len(embedded) != len(rows):
            self._checked("embed", embedded, (len(rows), embedded.shape[-1]))
        return embedded

    def _checked(self, call: str, result: Tensor, expected: tuple[int, int]) -> Tensor:
        if tuple(result.shape) != expected:
            raise PluginError(
                f"{call} returned the shape {tuple(result.shape)}, not {expected}",
                where=type(self.method).__name__,
                fix=f"see {call} in gzslbench.method",
            )
        return result
