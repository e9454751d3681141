"""The data a head is fitted on: embedded rows of seen classes, and synthesized rows of unseen ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.evaluation.checked_method import CheckedMethod, ClassStream
from gzslbench.plugins.inputs import HeadData, TrainView

if TYPE_CHECKING:
    from gzslbench.plugins.head import HeadSettings


def build_head_data(
    method: CheckedMethod, settings: HeadSettings, train: TrainView, test: EvalView, epoch: int, seed: int
) -> tuple[HeadData, Tensor]:
    """Build the data for a head with ``settings``.

    Of ``test`` it reads the classes and their semantics, but no row. Each class draws from a random stream
    named by the position of the class.

    Returns:
        All rows, embedded, and the synthesized ones alone.
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
    width = train.features.shape[1]
    synthesized = _synthesize(method, settings, test.semantics[unseen], streams, width)
    features = method.collect(chain(seen_rows, synthesized), len(labels))
    data = HeadData(features, labels, test.semantics, test.seen)
    return data, features[len(seen_labels) :]


def _synthesize(
    method: CheckedMethod, settings: HeadSettings, semantics: Tensor, streams: ClassStream, width: int
) -> Iterator[Tensor]:
    """Yield the rows of the unseen classes, embedded."""
    if settings.space == "embedding":
        yield from method.synthesize(semantics, settings.per_class, streams, None)
        return
    for block in method.synthesize(semantics, settings.per_class, streams, width):
        yield from method.embed(block)


def _class_streams(purpose: str, classes: Tensor, epoch: int, seed: int) -> ClassStream:
    positions = classes.tolist()
    return lambda index: generator(classes.device, seed, "evaluation", epoch, purpose, positions[index])
