"""MSDN's two sub-nets and its distillation against loops over single numbers, and at their edges."""

from __future__ import annotations

import math

import pytest
import torch

from gzslbench.plugins import ClassTransductiveView
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.training.trainer import build_method
from gzslbench_methods.msdn.method import Msdn, jensen_shannon, probability_distance, score_distance

pytestmark = pytest.mark.usefixtures("float64")
SEEN, UNSEEN, ATTRIBUTES, WIDTH, REGIONS, FEATURES = 3, 2, 4, 3, 5, 6


def make(**settings: object) -> tuple[Msdn, ClassTransductiveView]:
    """The method before training, and its view of random regions."""
    torch.manual_seed(0)
    view = ClassTransductiveView(
        torch.rand(6, REGIONS, FEATURES),
        torch.arange(6) % SEEN,
        torch.randn(SEEN, ATTRIBUTES),
        attribute_vectors=torch.randn(ATTRIBUTES, WIDTH),
        unseen_semantics=torch.randn(UNSEEN, ATTRIBUTES),
    )
    spec = plugins().method("msdn")
    return build_method(spec, view, build(spec.params, settings, "a test"), seed=1), view


def exponentials(values: list[float]) -> list[float]:
    """Their softmax."""
    powers = [math.exp(value) for value in values]
    return [power / sum(powers) for power in powers]


def bilinear(v: list[float], matrix: list[list[float]], f: list[float]) -> float:
    return sum(v[a] * matrix[a][b] * f[b] for a in range(len(v)) for b in range(len(f)))


def test_each_sub_net_finds_attributes_as_loops_over_regions_do() -> None:
    method, view = make()
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter)
    net = method.attention
    v, w1, w2, w3, w4 = (
        each.tolist()
        for each in (
            net.vectors,
            net.to_score,
            net.to_attention,
            net.to_second_score,
            net.to_second_attention,
        )
    )
    first, second = net(view.features)
    for image, regions in enumerate(view.features.tolist()):
        by_region = [exponentials([bilinear(each, w4, f) for each in v]) for f in regions]
        for i in range(ATTRIBUTES):
            attention = exponentials([bilinear(v[i], w2, f) for f in regions])
            expected = sum(a * bilinear(v[i], w1, f) for a, f in zip(attention, regions, strict=True))
            assert first[image, i].item() == pytest.approx(expected)
            expected = sum(b[i] * bilinear(v[i], w3, f) for b, f in zip(by_region, regions, strict=True))
            assert second[image, i].item() == pytest.approx(expected)


def test_before_training_attributes_see_the_mean_region_and_the_second_sub_net_finds_nothing() -> None:
    method, view = make()
    first, second = method.attention(view.features)
    seen = view.features.mean(1) @ (method.attention.vectors @ method.attention.to_score).t()
    torch.testing.assert_close(first, seen)
    assert not second.any()


@pytest.mark.parametrize(
    ("difference", "expected"),
    [([1.0, 0.0], 1.0), ([3.0, 4.0], (27 + 64) / 5), ([-2.0, 0.0], 4.0), ([0.0, 0.0], 0.0)],
)
def test_the_distance_of_scores_is_the_sum_of_cubes_over_the_length(difference, expected) -> None:
    second = torch.tensor([[0.3, -0.7]], requires_grad=True)
    distance = score_distance(second.detach() + torch.tensor([difference]), second)
    assert distance.item() == pytest.approx(expected)
    distance.backward()
    assert second.grad is not None and second.grad.isfinite().all()


def test_distances_of_probabilities_are_those_of_their_definitions() -> None:
    p, q = [0.7, 0.2, 0.1], [0.1, 0.6, 0.3]
    logs = [torch.tensor([each]).log() for each in (p, q)]

    def kl(one: list[float], other: list[float]) -> float:
        return sum(a * math.log(a / b) for a, b in zip(one, other, strict=True))

    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    assert jensen_shannon(*logs).item() == pytest.approx((kl(p, middle) + kl(q, middle)) / 2)
    squares = sum((a - b) ** 2 for a, b in zip(p, q, strict=True))
    assert probability_distance(*logs).item() == pytest.approx((kl(p, q) + kl(q, p)) / 2 + squares)


def test_certain_sub_nets_that_disagree_have_the_largest_divergence_log_2() -> None:
    sure = torch.tensor([[900.0, 0.0], [0.0, 900.0]]).log_softmax(1)
    assert jensen_shannon(sure, sure.flip(1)).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("share", "expected"), [(1.0, [2.0, -1.0]), (0.25, [0.5, -0.25])])
def test_the_second_sub_net_has_the_rest_of_the_prediction(share: float, expected: list[float]) -> None:
    method, view = make(first_share=share, margin=0.5)
    found = torch.tensor([[2.0, 0.0, 0.0, 0.0]]), torch.zeros(1, ATTRIBUTES)
    method.attention.forward = lambda _: found  # type: ignore[method-assign]
    semantics = torch.tensor([[3.0, 0, 0, 0], [-1.0, 3**0.5, 0, 0]])
    scores = method.scores(view.features[:1], torch.cat([semantics, view.semantics]))
    assert scores[0, :2].tolist() == pytest.approx([value + 0.5 for value in expected])
    of_seen = found[0] @ torch.nn.functional.normalize(view.semantics, dim=1).t() * share - 0.5
    torch.testing.assert_close(scores[:, 2:], of_seen)


def test_negative_semantics_count_as_0_where_they_mean_unknown() -> None:
    method, view = make(nonnegative=True)
    expected = view.unseen_semantics.clone()
    expected[expected < 0] = 0
    expected = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(method.semantics[SEEN:], expected)
    first, second = method.attention(view.features)
    scores = method.scores(view.features, view.unseen_semantics)
    torch.testing.assert_close(scores, (0.9 * first + 0.1 * second) @ expected.t() + 1)
