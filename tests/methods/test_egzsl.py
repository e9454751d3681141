from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch

from gzslbench.evaluation.checked_method import score_stream
from gzslbench.plugins import HeadData
from gzslbench.plugins.head import HeadSettings
from gzslbench_methods.heads.egzsl import EgzslParams
from gzslbench_methods.heads.egzsl.head import Egzsl, evolution_loss, select_rows
from gzslbench_methods.heads.egzsl.plain import PlainEvolution
from gzslbench_methods.heads.zlap import ZlapParams
from gzslbench_methods.heads.zlap.head import Zlap

CLASSES, WIDTH = 6, 8
SMALL = {"hidden": 16, "lr": 1e-2, "batch_size": 30, "stream_rows": 7, "stream_lr": 1e-2}


def rows_of(per_class=20, seed=3):
    random = torch.Generator().manual_seed(seed)
    semantics = torch.rand(CLASSES, 5, generator=random)
    centres = torch.randn(CLASSES, WIDTH, generator=random)
    labels = torch.arange(CLASSES).repeat_interleave(per_class)
    features = centres[labels] + 0.8 * torch.randn(len(labels), WIDTH, generator=random)
    seen = torch.tensor([True, False, True, True, False, True])
    return HeadData(features, labels, semantics, seen)


def fitted(head_class, params, epochs=5):
    head, rows = head_class(params), rows_of()
    settings = head.settings(HeadSettings(per_class=4, batch_size=9))
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():  # as the evaluator calls it
        for one in head.fit(rows, settings, epochs, random, graphs=False):
            last = one
    return last


def stream_of(rows=40):
    order = torch.randperm(CLASSES * 20, generator=torch.Generator().manual_seed(9))
    return rows_of(seed=4).features[order[:rows]]


def test_before_the_stream_it_is_zlap():
    ours = fitted(Egzsl, EgzslParams(**SMALL))
    base = {name: value for name, value in SMALL.items() if not name.startswith("stream")}
    theirs = fitted(Zlap, ZlapParams(**base))
    assert torch.equal(ours.prototypes, theirs.prototypes)
    rows = stream_of()
    with torch.no_grad():
        first = ours.evolve(torch.Generator()).scores(rows[:7])
    assert torch.equal(first, theirs.scores(rows[:7]))


@pytest.mark.parametrize("variant", ["reference", "clean"])
@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_it_evolves_as_written_plainly(variant, threshold):
    params = EgzslParams(**SMALL, variant=variant, threshold=threshold, kl_weight=3.0, average_decay=0.8)
    head, rows = fitted(Egzsl, params), stream_of()
    plain = PlainEvolution(deepcopy(head.network), deepcopy(head.network), params)
    with torch.no_grad():
        scores = score_stream(head, rows, CLASSES, torch.Generator())
    expected = []
    for batch in rows.split(params.stream_rows):
        expected += [plain.scores(row).detach() for row in batch]
        plain.learn(batch)
    torch.testing.assert_close(scores, torch.stack(expected), rtol=1e-4, atol=1e-4)
    before = torch.stack([head.scores(row[None])[0] for row in rows])
    assert not torch.allclose(scores[-5:], before[-5:], atol=1e-3)  # the agreement is on a model that moved


def test_rows_are_selected_by_the_usual_probability_of_their_class():
    chances = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.2, 0.7, 0.1]])
    first, no = torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.bool)
    # class 0: the mean of 0.9 and 0.5 is 0.7, of which 0.5 is less than 0.8 of it; class 2 has no row
    chosen, labels, usual = select_rows(chances, torch.zeros(3), 0.9, 0.8, first)
    assert (chosen.tolist(), labels.tolist()) == ([True, False, True], [0, 0, 1])
    assert usual.tolist() == pytest.approx([0.7, 0.7, 0.0])
    chosen, _, usual = select_rows(chances, torch.tensor([0.2, 0.9, 0.4]), 0.75, 0.8, no)
    assert usual.tolist() == pytest.approx([0.75 * 0.2 + 0.25 * 0.7, 0.75 * 0.9 + 0.25 * 0.7, 0.4])
    assert chosen.tolist() == [True, True, True]  # 0.7 is above 0.8 of 0.85


def test_a_row_at_its_threshold_is_not_selected():
    chosen, _, usual = select_rows(
        torch.tensor([[0.25, 0.75]]), torch.zeros(2), 0.9, 1.0, torch.ones(2, dtype=torch.bool)
    )
    assert usual[1] == 0.75 and not chosen.any()


def test_the_loss_is_surprise_among_the_classes_of_the_batch_and_a_divergence_over_all():
    logits = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    averaged = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([2, 0, 2])
    surprise = divergence = 0.0
    for one, mean, label in zip(logits.tolist(), averaged.tolist(), labels.tolist(), strict=True):
        surprise -= math.log(math.exp(one[label]) / (math.exp(one[0]) + math.exp(one[2]))) / 3
        p = [math.exp(value) / sum(map(math.exp, one)) for value in one]
        q = [math.exp(value) / sum(map(math.exp, mean)) for value in mean]
        divergence += sum(b * math.log(b / a) for a, b in zip(p, q, strict=True)) / 3
    found = evolution_loss(logits, averaged, labels, 2.5).item()
    assert found == pytest.approx(surprise + 2.5 * divergence)


def test_absent_classes_have_a_finite_gradient():
    logits = torch.randn(3, 4, requires_grad=True)
    evolution_loss(logits, torch.randn(3, 4), torch.tensor([1, 1, 1]), 0.0).backward()
    assert torch.equal(logits.grad, torch.zeros(3, 4))  # a single class leaves nothing to learn


def test_where_no_row_is_sure_nothing_moves_but_the_average():
    head = fitted(Egzsl, EgzslParams(**SMALL, threshold=2.0))
    model = head.evolve(torch.Generator())
    model.learn(stream_of(7))
    rows = stream_of()
    assert torch.equal(model.scores(rows), head.evolve(torch.Generator()).scores(rows))


def test_the_variants_differ_in_the_classes_that_come_later():
    head = fitted(Egzsl, EgzslParams(**SMALL))
    rows, usual = stream_of(), {}
    for variant in ("reference", "clean"):
        changed = deepcopy(head.params)
        object.__setattr__(changed, "variant", variant)
        model = type(head)(head.prototypes, head.temperature, head.network, changed).evolve(torch.Generator())
        labels = head.scores(rows).argmax(1)
        model.learn(rows[labels == labels[0]][:7])
        with torch.no_grad():
            other = rows[labels != labels[0]][:7]
            chances, found = model.scores(other).softmax(1).max(1)
        model.learn(other)
        usual[variant] = model.usual[found]
        means = torch.stack([chances[found == label].mean() for label in found])
        share = 1.0 if variant == "clean" else 0.1
        torch.testing.assert_close(usual[variant], share * means)
