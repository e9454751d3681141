from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import pytest
import torch

from gzslbench.evaluation.softmax_head import fit_softmax_head
from gzslbench.plugins import HeadData
from gzslbench.plugins.head import HeadSettings
from gzslbench_methods.heads.lisgan_transductive import LisGanTransductiveParams
from gzslbench_methods.heads.lisgan_transductive.head import LisGanTransductive

OF_METHOD = HeadSettings(per_class=5, batch_size=8, epochs=3, lr=0.05)


@pytest.fixture
def rows():
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(10)
    centres = 2 * torch.randn(4, 6, generator=random)
    features = centres[labels] + torch.randn(40, 6, generator=random)
    unlabelled = centres[labels] + torch.randn(40, 6, generator=random)
    seen = torch.tensor([True, True, False, False])
    return HeadData(features, labels, torch.eye(4), seen, unlabelled)


def fitted(rows, epochs=None, **params):
    head = LisGanTransductive(LisGanTransductiveParams(**{"second_epochs": 2, **params}))
    settings = head.settings(OF_METHOD)
    random = torch.Generator().manual_seed(7)
    fit = head.fit(rows, settings, settings.epochs if epochs is None else epochs, random, graphs=True)
    return [replace(stage, weight=stage.weight.clone(), bias=stage.bias.clone()) for stage in fit]


def last(heads):
    return deque(heads, maxlen=1).pop()


def entropy(head, row):
    exponentials = [math.exp(score) for score in head.scores(row[None])[0].double().tolist()]
    shares = [each / sum(exponentials) for each in exponentials]
    return -sum(share * math.log(share) for share in shares if share)


def test_the_second_stage_uses_the_most_confident_rows_with_the_labels_of_the_first(rows):
    heads = fitted(rows, ratio=0.3)
    assert len(heads) == 5
    random = torch.Generator().manual_seed(7)
    first = last(fit_softmax_head(rows.features, rows.labels, 4, OF_METHOD, 3, random))
    assert torch.equal(heads[2].weight, first.weight)
    surest = sorted(range(40), key=lambda i: entropy(first, rows.unlabelled[i]))[:12]
    added = rows.unlabelled[surest]
    labels = torch.cat([rows.labels, first.scores(added).argmax(1)])
    features = torch.cat([rows.features, added])
    second = last(fit_softmax_head(features, labels, 4, OF_METHOD, 2, random, start=first))
    assert torch.equal(heads[-1].weight, second.weight)
    assert torch.equal(heads[-1].bias, second.bias)


def test_adam_keeps_its_moments_between_the_stages(rows):
    """With no row added, both stages together are one longer fit, but for the order of the rows."""
    head = fitted(rows, ratio=0.0)[-1]
    steps = 5 * math.ceil(len(rows.labels) / OF_METHOD.batch_size)
    assert head.steps.item() == steps


def test_without_unlabelled_rows_it_is_the_softmax_head(rows):
    alone = replace(rows, unlabelled=None)
    heads = fitted(alone, epochs=4)
    random = torch.Generator().manual_seed(7)
    plain = last(fit_softmax_head(rows.features, rows.labels, 4, OF_METHOD, 4, random))
    assert torch.equal(heads[-1].weight, plain.weight)


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_it_stops_after_the_given_epochs(rows, epochs):
    whole = fitted(rows)
    part = fitted(rows, epochs=epochs)
    assert len(part) == epochs
    assert torch.equal(part[-1].weight, whole[epochs - 1].weight)


def test_of_no_rows_added_the_second_stage_is_more_of_the_first_data(rows):
    assert len(fitted(rows, ratio=0.0)) == 5
