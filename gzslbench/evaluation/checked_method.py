"""The method under evaluation, called in chunks, its results checked; and the rows it gives a head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, get_args

import torch
from torch import Tensor

from gzslbench.computing.instrumentation import span
from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.errors import PluginError
from gzslbench.plugins.head import FittedHead, Head, HeadSettings, Space
from gzslbench.plugins.inputs import ClassNoise, HeadData, TrainView
from gzslbench.plugins.method import GenerativeMethod, ScoringMethod
from gzslbench.plugins.spec import wrong_fields

ClassStream = Callable[[int], torch.Generator]
"""Returns the random stream of the class at a position, from its start."""
MAX_CLASS_ROWS = 8192
"""Most rows of one class in a call of ``synthesize``; the draws of a stream depend on it."""
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class CheckedMethod:
    """Calls a method for scores, embeddings and synthesized features, and checks the shape of each result.

    A call takes at most ``chunk`` rows, and fewer after memory ran out. The method gets copies, so that one
    that writes into its arguments does no harm.
    """

    def __init__(self, method: GenerativeMethod | ScoringMethod, chunk: Chunk) -> None:
        self.method = method
        self.chunk = chunk

    def scores(self, rows: Tensor, semantics: Tensor) -> Tensor:
        """Score ``(n, d)`` features against ``(K, a)`` semantics; returns ``(n, K)``."""

        def score(part: Tensor) -> Tensor:
            scores: Tensor = self.method.scores(part.clone(), semantics.clone())  # type: ignore[union-attr]
            return self._check("scores", scores, len(part), len(semantics))

        return torch.cat(list(self.chunk.map_chunks(rows, score)))

    def embed(self, rows: Tensor) -> Iterator[Tensor]:
        """Yield the embeddings of ``(n, d)`` rows, part after part."""
        yield from self.chunk.map_chunks(rows, self._embed)

    def collect(self, parts: Iterable[Tensor], rows: int) -> Tensor:
        """Write embedded parts into one ``(rows, e)`` float32 tensor, which avoids a second copy of all."""
        collected, start = torch.empty(rows, 0), 0
        for part in parts:
            if start == 0:
                collected = torch.empty(rows, part.shape[-1], device=part.device)
            self._check("embed", part, len(part), collected.shape[1])
            collected[start : start + len(part)] = part
            start += len(part)
        return collected

    def synthesize(
        self, semantics: Tensor, per_class: int, stream: ClassStream, width: int | None
    ) -> Iterator[Tensor]:
        """Yield ``per_class`` rows of class after class, as many classes at once as fit into the chunk.

        ``semantics`` is ``(K, a)``; ``width`` is the number of columns to check, None accepts any.
        """

        def synthesize_classes(first: int, last: int) -> Tensor:
            some, streams = semantics[first:last].clone(), [stream(index) for index in range(first, last)]
            parts = []
            with span("synthesis"):
                for start in range(0, per_class, MAX_CLASS_ROWS):
                    noise = ClassNoise(streams, min(MAX_CLASS_ROWS, per_class - start))
                    part: Tensor = self.method.synthesize(some, noise)  # type: ignore[union-attr]
                    parts.append(self._check("synthesize", part, len(noise), width))
            return parts[0] if len(parts) == 1 else torch.cat(parts)

        yield from self._class_after_class(len(semantics), per_class, synthesize_classes)

    def sample(self, classes: Sequence[Tensor], per_class: int, stream: ClassStream) -> Iterator[Tensor]:
        """Yield ``per_class`` rows drawn of each class, embedded by the method's ``sample`` if it has one.

        ``classes`` has ``(n_c, d)`` rows of each class, at least one; they repeat if there are too few.
        """

        def sample_classes(first: int, last: int) -> Tensor:
            streams = [stream(index) for index in range(first, last)]
            drawn = []
            for rows, random in zip(classes[first:last], streams, strict=True):
                order = torch.randperm(len(rows), generator=random, device=random.device)
                repeated = order.repeat(-(-per_class // len(rows)))
                drawn.append(rows[repeated[:per_class]])
            rows = torch.cat(drawn)
            if not hasattr(self.method, "sample"):
                return self._embed(rows)
            with span("embedding"):
                sampled: Tensor = self.method.sample(rows, ClassNoise(streams, per_class))
            return self._check("sample", sampled, len(rows))

        yield from self._class_after_class(len(classes), per_class, sample_classes)

    def _class_after_class(
        self, classes: int, per_class: int, work: Callable[[int, int], Tensor]
    ) -> Iterator[Tensor]:
        done = 0

        def block(size: int) -> Tensor:
            return work(done, min(classes, done + max(1, min(size, MAX_CLASS_ROWS) // per_class)))

        while done < classes:
            rows = self.chunk.with_oom_backoff(block, least=per_class)
            done += len(rows) // per_class
            yield rows

    def _embed(self, rows: Tensor) -> Tensor:
        with span("embedding"):
            embedded: Tensor = self.method.embed(rows.clone())  # type: ignore[union-attr]
        return self._check("embed", embedded, len(rows))

    def _check(self, call: str, result: object, rows: int, width: int | None = None) -> Tensor:
        """Return a result that is a matrix of floats with these rows and, if given, columns."""
        return check_matrix(call, self.method, result, rows, width)


def check_matrix(call: str, owner: object, result: object, rows: int, width: int | None = None) -> Tensor:
    """Return what ``call`` of a plugin's object returned, if it is a matrix of floats of this shape."""
    expected = f"({rows}, {'any' if width is None else width})"
    if not isinstance(result, Tensor):
        found = f"{type(result).__name__}, not a tensor of shape {expected}"
    elif result.ndim != 2 or len(result) != rows or width not in (None, result.shape[1]):
        found = f"the shape {tuple(result.shape)}, not {expected}"
    elif result.dtype not in _FLOATS or result.layout != torch.strided or result.is_meta:
        found = f"numbers of type {result.dtype}, {result.layout}, on {result.device}, not dense floats"
    else:
        return result.detach()
    fix = f"see {call} in gzslbench.plugins"
    raise PluginError(f"{call} returned {found}", where=type(owner).__name__, fix=fix)


def score_stream(scorer: Any, rows: Tensor, classes: int, *arguments: Any) -> Tensor:
    """Let a method or a fitted head evolve over ``(n, d)`` rows, and return their ``(n, classes)`` scores.

    The model gets a batch at a time, a copy without labels, and learns from it once it is scored. So no score
    depends on a later row. ``arguments`` are those of ``evolve``.

    Raises:
        PluginError: There is no ``evolve``, or the scores have a wrong shape.
    """
    if not hasattr(scorer, "evolve"):
        fix = "write evolve, see gzslbench.plugins.Evolving, or correct the setting of the spec"
        what = "the setting is evolving, but evolve is missing"
        raise PluginError(what, where=type(scorer).__name__, fix=fix)
    model, parts = scorer.evolve(*arguments), []
    size = getattr(model, "batch_size", None)
    if not isinstance(size, int) or size < 1:
        what = f"what evolve returns has batch_size={size!r:.80}"
        raise PluginError(what, where=type(scorer).__name__, fix="give the rows of a batch, from 1")
    for start in range(0, len(rows), model.batch_size):
        batch = rows[start : start + model.batch_size]
        scores = check_matrix("scores", model, model.scores(batch.clone()), len(batch), classes)
        parts.append(scores.detach().clone())  # learning may change what it returned
        with torch.enable_grad():
            model.learn(batch.clone())
    return torch.cat(parts)


def build_head_data(
    method: CheckedMethod, settings: HeadSettings, train: TrainView, test: EvalView, epoch: int, seed: int
) -> tuple[HeadData, Tensor]:
    """Build the data for a head with ``settings``.

    Of ``test`` it reads the classes and their semantics, but no row that is tested. Each class draws from a
    random stream named by the position of the class.

    Returns:
        All rows, embedded, and only the synthesized ones.
    """
    seen, unseen = test.seen.nonzero().squeeze(1), (~test.seen).nonzero().squeeze(1)
    if settings.seen_per_class == 0:
        seen_labels, seen_rows = seen[train.labels], method.embed(train.features)
    else:
        by_class = [train.features[train.labels == label] for label in range(len(seen))]
        seen_labels = seen.repeat_interleave(settings.seen_per_class)
        streams = _class_streams("seen", seen, epoch, seed)
        seen_rows = method.sample(by_class, settings.seen_per_class, streams)
    labels = torch.cat([seen_labels, unseen.repeat_interleave(settings.per_class)])
    streams = _class_streams("synthesis", unseen, epoch, seed)
    is_embedded = settings.space == "embedding"
    width = None if is_embedded else train.features.shape[1]
    if test.real_unseen is not None:
        synthesized = method.sample(test.real_unseen, settings.per_class, streams)
    else:
        blocks = method.synthesize(test.semantics[unseen], settings.per_class, streams, width)
        synthesized = blocks if is_embedded else chain.from_iterable(map(method.embed, blocks))
    features = method.collect(chain(seen_rows, synthesized), len(labels))
    data = HeadData(features, labels, test.semantics.clone(), test.seen.clone())  # the head may write there
    return data, features[len(seen_labels) :]


def _class_streams(purpose: str, classes: Tensor, epoch: int, seed: int) -> ClassStream:
    positions = classes.tolist()
    return lambda index: generator(classes.device, seed, "evaluation", epoch, purpose, positions[index])


def check_settings(settings: object, owner: object) -> HeadSettings:
    """Return the settings that a head or a method gives, if they are such."""
    wrong = [f"the settings of the head are {settings!r:.80}, not a HeadSettings"]
    if isinstance(settings, HeadSettings):
        least, spaces = {"per_class": 1, "batch_size": 1, "epochs": 1}, get_args(Space)
        wrong = [*wrong_fields(settings, "the HeadSettings of the head", space=spaces, **least)]
        if not wrong:
            return settings
    raise PluginError(wrong[0], where=type(owner).__name__, fix="see HeadSettings in gzslbench.plugins")


def fit_head(
    head: Head, data: HeadData, settings: HeadSettings, epochs: int, random: torch.Generator, graphs: bool
) -> Iterator[FittedHead]:
    """Yield the fitted head after each of ``epochs`` passes, and check that there are so many."""
    fitted = head.fit(data, settings, epochs, random, graphs)
    for done in range(epochs + 1):
        one = next(fitted, None) if isinstance(fitted, Iterator) else fitted
        if hasattr(one, "scores") == (done == epochs):
            what = f"fit yielded {done} heads for {epochs} epochs, then {type(one).__name__}"
            fix = "yield a head with scores once after each epoch, see Head in gzslbench.plugins"
            raise PluginError(what, where=type(head).__name__, fix=fix)
        if one is not None:
            yield one
