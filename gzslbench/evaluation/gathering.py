"""Gathering what a head is fitted on: seen training rows, and synthesized rows of the unseen classes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView, TrainView
from gzslbench.evaluation.head_rows import HeadRows
from gzslbench.evaluation.subject import Stream, Subject

if TYPE_CHECKING:
    from gzslbench.plugins.head import HeadSettings


def gather(
    subject: Subject, settings: HeadSettings, train: TrainView, test: EvalView, epoch: int, seed: int
) -> tuple[HeadRows, Tensor]:
    """The rows that a head of ``settings`` gets, and the synthesized ones alone, all embedded.

    Of ``test`` it reads the classes and their semantics, no row. Each class's draws come from a random
    stream that its position names.
    """
    seen, unseen = test.seen.nonzero().squeeze(1), (~test.seen).nonzero().squeeze(1)
    seen_labels, parts = _seen(subject, settings, train, seen, _streams("seen", seen, epoch, seed))
    labels = torch.cat([seen_labels, unseen.repeat_interleave(settings.per_class)])
    synthesized = _synthesized(
        subject,
        settings,
        test.semantics[unseen],
        _streams("synthesis", unseen, epoch, seed),
        train.features.shape[1],
    )
    features = subject.gathered(chain(parts, synthesized), len(labels))
    rows = HeadRows(features, labels, test.semantics, test.seen)
    return rows, features[len(seen_labels) :]


def _seen(
    subject: Subject, settings: HeadSettings, train: TrainView, classes: Tensor, stream: Stream
) -> tuple[Tensor, Iterator[Tensor]]:
    """The labels of the seen rows, and the rows, embedded."""
    features, labels, per_class = train.features, train.labels, settings.seen_per_class
    if per_class == 0:
        return classes[labels], subject.embed(features)
    rows = [features[labels == label] for label in range(len(classes))]
    return classes.repeat_interleave(per_class), subject.sampled(rows, per_class, stream)


def _synthesized(
    subject: Subject, settings: HeadSettings, semantics: Tensor, stream: Stream, width: int
) -> Iterator[Tensor]:
    """The rows of the unseen classes, embedded."""
    embedded = settings.space == "embedding"
    for block in subject.synthesized(semantics, settings.per_class, stream, None if embedded else width):
        if embedded:
            yield block
        else:
            yield from subject.embed(block)


def _streams(purpose: str, classes: Tensor, epoch: int, seed: int) -> Stream:
    """The random stream of the class at a position of ``classes``, which its own position names."""
    positions = classes.tolist()
    return lambda index: generator(classes.device, seed, "evaluation", epoch, purpose, positions[index])
