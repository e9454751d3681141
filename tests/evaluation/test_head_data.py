from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gzslbench.computing.memory import Chunk
from gzslbench.computing.seeds import generator
from gzslbench.data.views import EvalView
from gzslbench.evaluation.checked_method import CheckedMethod, build_head_data
from gzslbench.plugins import TrainView
from gzslbench.plugins.head import HeadSettings

SEEN = torch.tensor([True, False, True, False, True])
SEED, EPOCH = 5, 2


@pytest.fixture
def train():
    labels = torch.tensor([2, 0, 1, 0, 2, 2, 2])
    return TrainView(torch.arange(14.0).reshape(7, 2), labels, torch.eye(5)[SEEN])


@pytest.fixture
def test_rows():
    """A view whose rows must not be read here."""
    nothing = torch.full((4, 2), float("nan"))
    seen_labels, unseen_labels = torch.tensor([0, 2, 4, 4]), torch.tensor([1, 1, 3, 3])
    return EvalView(nothing, seen_labels, nothing, unseen_labels, torch.eye(5), SEEN, np.arange(5))


def synthesize(semantics, noise):
    return semantics.repeat_interleave(noise.per_class, 0)[:, :2] + noise.normal(2)


def gathered(train, test_rows, **changes):
    method = SimpleNamespace(synthesize=synthesize, embed=lambda rows: torch.cat([rows, -rows], 1))
    if changes.pop("sample", False):
        method.sample = lambda rows, noise: torch.cat([rows, noise.normal(2)], 1)
    if changes.get("space") == "embedding":
        method.synthesize = lambda semantics, noise: torch.cat([synthesize(semantics, noise)] * 2, 1)
    settings = HeadSettings(per_class=3, batch_size=2, **changes)
    return build_head_data(CheckedMethod(method, Chunk(4)), settings, train, test_rows, EPOCH, SEED)


def stream(purpose, position):
    return generator("cpu", SEED, "evaluation", EPOCH, purpose, position)


def test_all_seen_rows_come_first_and_then_each_unseen_class(train, test_rows):
    rows, synthesized = gathered(train, test_rows)
    assert rows.labels.tolist() == [4, 0, 2, 0, 4, 4, 4, 1, 1, 1, 3, 3, 3]
    assert torch.equal(rows.features[:7], torch.cat([train.features, -train.features], 1))
    drawn = [torch.eye(5)[k, :2] + torch.randn(3, 2, generator=stream("synthesis", k)) for k in (1, 3)]
    expected = torch.cat(drawn)
    assert torch.equal(synthesized, torch.cat([expected, -expected], 1))
    assert torch.equal(rows.features[7:], synthesized)
    assert torch.equal(rows.seen, SEEN)
    assert torch.equal(rows.semantics, torch.eye(5))


@pytest.mark.parametrize("sample", [False, True])
def test_each_seen_class_has_the_given_number_of_rows(train, test_rows, sample):
    rows, _ = gathered(train, test_rows, seen_per_class=3, sample=sample)
    assert rows.labels.tolist() == [0] * 3 + [2] * 3 + [4] * 3 + [1] * 3 + [3] * 3
    for place, position in enumerate((0, 2, 4)):
        own, random = train.features[train.labels == place], stream("seen", position)
        order = torch.randperm(len(own), generator=random).repeat(3)[:3]
        second = torch.randn(3, 2, generator=random) if sample else -own[order]
        expected = torch.cat([own[order], second], 1)
        assert torch.equal(rows.features[3 * place : 3 * place + 3], expected)


def test_rows_synthesized_in_the_embedding_are_not_embedded_again(train, test_rows):
    rows, synthesized = gathered(train, test_rows, space="embedding")
    assert torch.equal(synthesized[:, :2], synthesized[:, 2:])
    assert rows.features.shape == (13, 4)
