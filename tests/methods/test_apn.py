"""APN's losses and scores on numbers that can be computed by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from gzslbench.plugins import Batch, TrainView
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.training.trainer import build_method
from gzslbench_methods.apn.method import Apn, Prototypes, group_by_name

pytestmark = pytest.mark.usefixtures("float64")
NAMES = ("bill::long", "bill::short", "wing::red")


def make(names: tuple[str, ...] = NAMES, **settings: Any) -> tuple[Apn, TrainView]:
    """The method before training, for two seen classes and four regions of two numbers."""
    torch.manual_seed(0)
    semantics = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    view = TrainView(torch.rand(5, 4, 2), torch.arange(5) % 2, semantics, attribute_names=names)
    spec = plugins().method("apn")
    return build_method(spec, view, build(spec.params, settings, "a test"), seed=1), view


def test_attributes_with_the_same_beginning_are_a_group() -> None:
    assert group_by_name(NAMES, 3).tolist() == [[True, True, False], [False, False, True]]
    assert group_by_name((), 3).tolist() == [[True, True, True]]
    assert make()[0].prototypes.members.tolist() == [[1, 1, 0], [0, 0, 1]]


def test_the_norm_of_a_group_is_one_of_all_its_weights_or_one_of_each_channel() -> None:
    prototypes = make()[0].prototypes
    weights = torch.tensor([[3.0, 5.0], [4.0, 12.0], [0.0, 2.0]])
    assert prototypes.norms(weights, by_channel=False).item() == pytest.approx(math.sqrt(194) + 2, abs=1e-6)
    assert prototypes.norms(weights, by_channel=True).item() == pytest.approx(5 + 13 + 2, abs=1e-3)
    zero = torch.zeros(3, 2, requires_grad=True)
    prototypes.norms(zero, by_channel=True).backward()
    assert zero.grad is not None and not zero.grad.any()


def test_what_is_found_far_from_the_peak_costs_its_squared_distance() -> None:
    prototypes = Prototypes(6, 2, torch.ones(1, 1))  # 2 rows of 3 places
    found = torch.full((1, 6, 1), -100.0)
    found[0, 0, 0], found[0, 5, 0] = 7.0, 0.0  # opposite corners: 1 down, 2 across
    assert prototypes.spread(found).item() == pytest.approx(0.5 * (1**2 + 2**2))
    assert prototypes.spread(found[:, :, [0, 0]]).item() == pytest.approx(2 * 2.5)


@pytest.mark.parametrize(("pooling", "expected"), [("max", [3.0, 0.0]), ("mean", [1.0, -1.0])])
def test_prototypes_take_the_best_region_and_the_map_as_it_is_set(
    pooling: str, expected: list[float]
) -> None:
    method, _ = make(pooling=pooling)
    found = torch.tensor([[[3.0, -2.0], [-1.0, 0.0]]])
    of_image, of_place = method.pool(found, found)
    assert of_image.tolist() == [expected] and of_place.tolist() == [[3.0, 0.0]]


def test_the_published_cross_entropy_takes_probabilities_for_scores() -> None:
    surprises = {}
    for variant in ("reference", "clean"):
        method, view = make(variant=variant)
        torch.nn.init.normal_(method.prototypes.of_image)
        terms = method.prototype_loss(Batch(view.features, view.labels, torch.Generator()))
        surprises[variant] = terms["class"].item()
    found = (view.features @ method.prototypes.of_image.t()).amax(1) @ view.semantics.t()
    total = {"clean": 0.0, "reference": 0.0}
    for row, label in zip(found.tolist(), view.labels.tolist(), strict=True):
        powers = [math.exp(value) for value in row]
        share = powers[label] / sum(powers)
        total["clean"] -= math.log(share) / 5
        total["reference"] -= math.log(math.exp(share) / (math.exp(share) + math.exp(1 - share))) / 5
    assert surprises == pytest.approx(total)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_scores_are_mixed_probabilities_less_a_penalty_of_seen_classes(share: float) -> None:
    method, view = make(local_share=share, seen_penalty=0.4)
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter)
    unseen = torch.tensor([[0.5, 0.5, 0.0]])
    scores = method.scores(view.features, torch.cat([view.semantics, unseen]))
    totals = scores.sum(1)
    torch.testing.assert_close(totals, torch.full((5,), 1 - 2 * 0.4))
    weights = {0.0: method.prototypes.of_image, 1.0: method.prototypes.of_place}
    if share in weights:
        found = (view.features @ weights[share].t()).amax(1) @ torch.cat([view.semantics, unseen]).t()
        expected = found.softmax(1) - torch.tensor([0.4, 0.4, 0.0])
        torch.testing.assert_close(scores, expected)
