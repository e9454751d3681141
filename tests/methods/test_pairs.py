from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gzslbench_methods.ce_gzsl.pairs import pair_scores

pytestmark = pytest.mark.usefixtures("float64")


def dense(left, right, weight):
    return functional.leaky_relu(left[:, None] + right, 0.2) @ weight


def operands(rows, columns, hidden, seed=0):
    torch.manual_seed(seed)
    return [
        torch.randn(*shape, requires_grad=True) for shape in ((rows, hidden), (columns, hidden), (hidden,))
    ]


def with_gradients(function, tensors, seed=1):
    scores = function(*tensors)
    upstream = torch.randn(scores.shape, generator=torch.Generator().manual_seed(seed))
    return [scores, *torch.autograd.grad(scores, tensors, upstream)]


def test_gradients_agree_with_finite_differences():
    tensors = operands(5, 4, 3)
    assert torch.autograd.gradcheck(lambda *t: pair_scores(*t, chunk=7), tensors)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    hidden=st.integers(1, 9),
    chunk=st.integers(1, 900),
    seed=st.integers(0, 99),
)
def test_any_chunk_gives_the_dense_scores_and_gradients(rows, columns, hidden, chunk, seed):
    tensors = operands(rows, columns, hidden, seed)
    ours = with_gradients(lambda *t: pair_scores(*t, chunk=chunk), tensors)
    torch.testing.assert_close(ours, with_gradients(dense, tensors), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_gradients_asked_for_alone_are_those_asked_for_together(wanted):
    tensors = operands(6, 5, 4)
    every = torch.autograd.grad(dense(*tensors).square().sum(), tensors)
    some = [t if i in wanted else t.detach() for i, t in enumerate(tensors)]
    ours = torch.autograd.grad(pair_scores(*some).square().sum(), [tensors[i] for i in wanted])
    torch.testing.assert_close(list(ours), [every[i] for i in wanted])


def test_a_pair_at_the_kink_takes_the_slope_below_zero():
    left = torch.tensor([[1.0]], requires_grad=True)
    pair_scores(left, torch.tensor([[-1.0]]), torch.tensor([3.0])).sum().backward()
    assert left.grad.item() == pytest.approx(0.2 * 3)


def test_no_tensor_of_all_pairs_is_saved_for_the_backward_pass():
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        pair_scores(*operands(30, 20, 10))
    assert max(saved) <= 30 * 10


def test_half_precision_operands_are_scored_in_the_weights_precision():
    left, right, weight = operands(4, 3, 8)
    scores = pair_scores(left.bfloat16(), right.bfloat16(), weight)
    torch.testing.assert_close(scores, dense(left.bfloat16().double(), right.bfloat16().double(), weight))
