"""The method under evaluation: asked in chunks, its answers checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gzslbench.computing.chunk import Chunk
from gzslbench.computing.span import span
from gzslbench.errors import PluginError
from gzslbench.evaluation.class_noise import ClassNoise

if TYPE_CHECKING:
    from gzslbench.method import GenerativeMethod, ScoringMethod

Stream = Callable[[int], torch.Generator]
ROWS_OF_A_CLASS = 8192
"""Most rows of one class asked of ``synthesize`` at once: fixed, for what its stream draws depends on it."""


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

    def synthesized(self, semantics: Tensor, width: int, stream: Stream) -> Iterator[Tensor]:
        """The rows of class after class, ``(per_class, width)`` each, of as many classes at once as fit.

        Args:
            semantics: ``(K, a)``.
            width: Of the features asked for, d.
            stream: The random stream of the class at a position of ``semantics``, from its start.
        """
        per_class, done = self.method.head.per_class, 0  # type: ignore[union-attr]
        while done < len(semantics):
            block = self.chunk.fit(
                partial(self._next_classes, semantics, done, width, stream), least=per_class
            )
            done += len(block) // per_class
            yield block

    def _next_classes(self, semantics: Tensor, done: int, width: int, stream: Stream, size: int) -> Tensor:
        per_class: int = self.method.head.per_class  # type: ignore[union-attr]
        asked = semantics[done : done + max(1, min(size, ROWS_OF_A_CLASS) // per_class)].clone()
        streams = [stream(done + position) for position in range(len(asked))]
        parts = []
        with span("synthesis"):
            for start in range(0, per_class, ROWS_OF_A_CLASS):
                noise = ClassNoise(streams, min(ROWS_OF_A_CLASS, per_class - start))
                part: Tensor = self.method.synthesize(asked, noise)  # type: ignore[union-attr]
                parts.append(self._checked("synthesize", part, (len(noise), width)))
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
