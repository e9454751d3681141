from __future__ import annotations

from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from gzslbench.computing.compilation import find_compiler
from gzslbench.computing.instrumentation import collect_backends
from gzslbench.computing.memory import Chunk
from gzslbench_methods.ce_gzsl import pairs
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


def in_chunks(size):
    return mock.patch.dict(pairs.CHUNKS, cpu=Chunk(size))


def test_gradients_agree_with_finite_differences():
    with in_chunks(7):
        assert torch.autograd.gradcheck(pair_scores, operands(5, 4, 3))


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
    with in_chunks(chunk):
        ours = with_gradients(pair_scores, tensors)
    torch.testing.assert_close(ours, with_gradients(dense, tensors), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)])
def test_gradients_of_some_operands_are_those_of_all_together(wanted):
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


@pytest.fixture
def compiled(monkeypatch):
    """Few pairs count as many; what is compiled is noted in the log."""
    if find_compiler() is None:
        pytest.skip("there is no C++ compiler")
    monkeypatch.setenv("GZSLBENCH_COMPILE", "1")
    monkeypatch.setattr(pairs, "MIN_COMPILED_UNITS", 1)
    pairs.compilation.cache_clear()
    with collect_backends() as log:
        yield log
    pairs.compilation.cache_clear()


@pytest.mark.acceptance
def test_the_compiled_form_gives_the_plain_scores_and_gradients(compiled):
    for shape in ((5, 4, 70), (9, 3, 33), (1, 1, 1)):
        tensors = operands(*shape)
        ours = with_gradients(pair_scores, tensors)
        torch.testing.assert_close(ours, with_gradients(dense, tensors), rtol=1e-11, atol=1e-12)
    assert compiled == {"class scores": "compiled"}


@pytest.mark.acceptance
def test_the_compiled_form_in_single_precision_is_as_near_the_exact_scores_as_the_dense_one(compiled):
    exact = operands(40, 12, 70)
    single = [t.detach().float().requires_grad_() for t in exact]
    ours, plain = with_gradients(pair_scores, single), with_gradients(dense, exact)
    torch.testing.assert_close(ours, [each.float() for each in plain], rtol=1e-4, atol=1e-4)
    assert compiled == {"class scores": "compiled"}


def test_few_pairs_are_not_worth_a_compilation():
    assert not pairs.worth_compiling(torch.empty(256, 128), torch.empty(8, 128))
    assert pairs.worth_compiling(torch.empty(256, 2048), torch.empty(150, 2048))


def test_where_a_single_pair_is_too_much_it_is_tried_once_for_each_size(monkeypatch):
    tried = []

    def short(left, right, out):
        tried.append(out.numel())
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch, "maximum", short)
    with in_chunks(20), pytest.raises(torch.OutOfMemoryError):
        pair_scores(*operands(8, 6, 5))
    assert tried == [20, 10, 5]


def test_a_shortage_of_memory_halves_the_chunk_and_the_scores_stay(monkeypatch):
    maximum, sizes = torch.maximum, []

    def short(left, right, out):
        sizes.append(out.numel())
        if out.numel() > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return maximum(left, right, out=out)

    monkeypatch.setattr(torch, "maximum", short)
    tensors = operands(20, 10, 5)
    with in_chunks(1000):
        torch.testing.assert_close(pair_scores(*tensors), dense(*tensors))
        assert pairs.CHUNKS["cpu"].size == 125
    assert sizes[0] > 100 >= sizes[-1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("many", [1, 1 << 62], ids=["compiled", "in chunks"])
def test_on_cuda_scores_and_gradients_are_the_dense_ones(monkeypatch, many):
    monkeypatch.setattr(pairs, "MIN_COMPILED_UNITS", many)
    monkeypatch.setitem(pairs.CHUNKS, "cuda", Chunk(5000))
    pairs.compilation.cache_clear()
    tensors = [t.detach().cuda().requires_grad_() for t in operands(40, 12, 70)]
    with collect_backends() as log:
        scores = pair_scores(*tensors)
    assert log == ({"class scores": "compiled"} if many == 1 else {})
    upstream = torch.randn(scores.shape, device="cuda")
    ours = [scores, *torch.autograd.grad(scores, tensors, upstream)]
    plain = dense(*tensors)
    torch.testing.assert_close(ours, [plain, *torch.autograd.grad(plain, tensors, upstream)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_a_real_shortage_of_memory_halves_the_chunk(monkeypatch):
    free, _ = torch.cuda.mem_get_info()
    monkeypatch.setattr(pairs, "MIN_COMPILED_UNITS", 1 << 62)
    monkeypatch.setitem(pairs.CHUNKS, "cuda", Chunk(1 << 62, "hidden units of pairs at once"))
    rows = int((2 * free / 8) ** 0.5) // 30  # a thousand times their square takes more than there is
    left, right = torch.randn(rows, 1000, device="cuda"), torch.randn(rows, 1000, device="cuda")
    with collect_backends() as log:
        scores = pair_scores(left, right, torch.ones(1000, device="cuda"))
    assert "memory ran out" in log["hidden units of pairs at once"]
    torch.testing.assert_close(scores[:3, :3], dense(left[:3], right[:3], torch.ones(1000, device="cuda")))
