"""The method under evaluation: asked in chunks, its answers checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gzslbench.computing.instrumentation import span
from gzslbench.computing.memory import Chunk
from gzslbench.errors import PluginError
from gzslbench.evaluation.class_noise import ClassNoise

if TYPE_CHECKING:
    from gzslbench.plugins.method import GenerativeMethod, ScoringMethod

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

        return torch.cat(list(self.chunk.map_chunks(rows, scored)))

    def embed(self, rows: Tensor) -> Iterator[Tensor]:
        """Copies of ``(n, d)`` rows embedded, part after part."""
        yield from self.chunk.map_chunks(rows, self._embedded)

    def gathered(self, parts: Iterable[Tensor], rows: int) -> Tensor:
        """``(rows, e)`` float32: embedded parts below each other, never held twice."""
        gathered, start = torch.empty(rows, 0), 0
        for part in parts:
            if start == 0:
                gathered = torch.empty(rows, part.shape[-1], device=part.device)
            self._checked("embed", part, (len(part), gathered.shape[1]))
            gathered[start : start + len(part)] = part
            start += len(part)
        return gathered

    def synthesized(
        self, semantics: Tensor, per_class: int, stream: Stream, width: int | None
    ) -> Iterator[Tensor]:
        """The rows of class after class, ``(per_class, width)`` each, of as many classes at once as fit.

        Args:
            semantics: ``(K, a)``.
            per_class: Rows of each class.
            stream: The random stream of the class at a position of ``semantics``, from its start.
            width: Of the rows asked for; None where that is the method's own affair.
        """

        def of_classes(first: int, last: int) -> Tensor:
            asked = semantics[first:last].clone()
            streams, parts = [stream(position) for position in range(first, last)], []
            with span("synthesis"):
                for start in range(0, per_class, ROWS_OF_A_CLASS):
                    noise = ClassNoise(streams, min(ROWS_OF_A_CLASS, per_class - start))
                    part: Tensor = self.method.synthesize(asked, noise)  # type: ignore[union-attr]
                    shape = (len(noise), part.shape[-1] if width is None else width)
                    parts.append(self._checked("synthesize", part, shape))
            return parts[0] if len(parts) == 1 else torch.cat(parts)

        yield from self._class_after_class(len(semantics), per_class, of_classes)

    def sampled(self, classes: Sequence[Tensor], per_class: int, stream: Stream) -> Iterator[Tensor]:
        """``per_class`` rows drawn of each class, embedded, or as the method's own ``sample`` embeds them.

        They are drawn without repetition, as far as a class has as many.

        Args:
            classes: ``(n_c, d)`` rows of each class, at least one.
            per_class: Rows of each class.
            stream: The random stream of the class at a position of ``classes``, from its start.
        """

        def of_classes(first: int, last: int) -> Tensor:
            streams = [stream(position) for position in range(first, last)]
            drawn = [
                rows[_repeated_order(len(rows), per_class, random)]
                for rows, random in zip(classes[first:last], streams, strict=True)
            ]
            return self._sampled(torch.cat(drawn), ClassNoise(streams, per_class))

        yield from self._class_after_class(len(classes), per_class, of_classes)

    def _class_after_class(
        self, classes: int, per_class: int, of_classes: Callable[[int, int], Tensor]
    ) -> Iterator[Tensor]:
        done = 0

        def block(size: int) -> Tensor:
            return of_classes(done, min(classes, done + max(1, min(size, ROWS_OF_A_CLASS) // per_class)))

        while done < classes:
            rows = self.chunk.with_oom_backoff(block, least=per_class)
            done += len(rows) // per_class
            yield rows

    def _sampled(self, rows: Tensor, noise: ClassNoise) -> Tensor:
        if not hasattr(self.method, "sample"):
            return self._embedded(rows)
        with span("embedding"):
            sampled: Tensor = self.method.sample(rows, noise)
        return self._checked("sample", sampled, (len(rows), sampled.shape[-1]))

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
                fix=f"see {call} in gzslbench.plugins.method",
            )
        return result


def _repeated_order(rows: int, wanted: int, random: torch.Generator) -> Tensor:
    """``wanted`` positions among ``rows`` in a random order, which starts again where they are too few."""
    order = torch.randperm(rows, generator=random, device=random.device)
    return order.repeat(-(-wanted // rows))[:wanted]
