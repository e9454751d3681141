from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gzslbench_methods.ce_gzsl.method import Comparator, Embedding, class_loss, instance_loss

pytestmark = pytest.mark.usefixtures("float64")


def instance_loss_in_loops(z, labels, temperature):
    """The mean over anchors of the mean over positives of -log softmax, one number at a time."""
    per_anchor = []
    for i in range(len(z)):
        positives = [j for j in range(len(z)) if j != i and labels[j] == labels[i]]
        others = [torch.dot(z[i], z[k]) / temperature for k in range(len(z)) if k != i]
        if positives:
            log_sum = torch.log(sum(torch.exp(s) for s in others))
            terms = [log_sum - torch.dot(z[i], z[j]) / temperature for j in positives]
            per_anchor.append(sum(terms) / len(terms))
    return sum(per_anchor) / len(per_anchor)


def unit_rows(rows, width, seed):
    z = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(z, dim=1)


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=10).filter(lambda ls: len(set(ls)) < len(ls)),
    temperature=st.floats(0.05, 10),
    seed=st.integers(0, 99),
)
def test_instance_loss_and_its_gradient_are_those_of_plain_loops(labels, temperature, seed):
    z, labels = unit_rows(len(labels), 6, seed).requires_grad_(), torch.tensor(labels)
    ours = instance_loss(z, labels, temperature, classes=5)
    plain = instance_loss_in_loops(z, labels, temperature)
    torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-10)
    both = torch.autograd.grad(ours, z)[0], torch.autograd.grad(plain, z)[0]
    torch.testing.assert_close(*both, rtol=1e-9, atol=1e-10)


def test_two_equal_rows_of_one_class_and_one_orthogonal_row_give_the_worked_value():
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    loss = instance_loss(z, torch.tensor([0, 0, 1]), temperature=1.0, classes=2)
    assert loss.item() == pytest.approx(math.log(math.e + 1) - 1)


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_instance_loss_is_zero_with_zero_gradient_where_no_anchor_has_a_positive(labels):
    z = unit_rows(len(labels), 4, 0).requires_grad_()
    loss = instance_loss(z, torch.tensor(labels), 0.1, classes=3)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(z.grad, torch.zeros_like(z))


def test_class_loss_of_the_comparator_is_that_of_a_loop_over_samples_and_classes():
    torch.manual_seed(0)
    comparator = Comparator(embedding=5, semantics=4, hidden=7)
    hidden, semantics = torch.randn(6, 5, requires_grad=True), torch.randn(3, 4)
    labels, temperature = torch.tensor([0, 1, 2, 2, 1, 0]), 0.3
    first = torch.cat([comparator.from_embedding.weight, comparator.from_semantics.weight], dim=1)
    plain = 0.0
    for h, label in zip(hidden, labels, strict=True):
        scores = []
        for a in semantics:
            units = first @ torch.cat([h, a]) + comparator.from_semantics.bias
            units = torch.where(units > 0, units, 0.2 * units)
            scores.append(torch.dot(comparator.out.weight[0], units) / temperature)
        total = sum(torch.exp(s) for s in scores)
        plain = plain - torch.log(torch.exp(scores[label]) / total) / len(labels)
    ours = class_loss(comparator(hidden, semantics), labels, temperature)
    torch.testing.assert_close(ours, plain)
    wanted = [hidden, *comparator.parameters()]
    torch.testing.assert_close(torch.autograd.grad(ours, wanted), torch.autograd.grad(plain, wanted))


def test_h_is_never_negative_and_z_has_unit_length():
    torch.manual_seed(0)
    embedding = Embedding(features=8, embedding=6, projection=4)
    hidden = embedding.hidden(torch.randn(10, 8))
    assert (hidden >= 0).all() and (hidden > 0).any()
    torch.testing.assert_close(embedding.project(hidden).norm(dim=1), torch.ones(10))
