from __future__ import annotations

from itertools import chain
from types import SimpleNamespace

import pytest
import torch

from gzslbench.computing.memory import Chunk
from gzslbench.errors import PluginError
from gzslbench.evaluation import checked_method as module
from gzslbench.evaluation.checked_method import CheckedMethod
from gzslbench.plugins import ClassNoise


def subject(chunk=100, **calls):
    return CheckedMethod(SimpleNamespace(**calls), Chunk(chunk))


def embedded(checked, blocks, rows):
    return checked.collect(chain.from_iterable(map(checked.embed, blocks)), rows)


def synthesized(checked, semantics, per_class=5):
    return list(checked.synthesize(semantics, per_class, streams, 3))


def doubled_where_at_most(most):
    def embed(rows):
        if len(rows) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 2 * rows

    return embed


def drawn(semantics, noise):
    return noise.normal(3) + semantics.repeat_interleave(noise.per_class, dim=0)


def streams(position):
    return torch.Generator().manual_seed(position)


def test_blocks_are_embedded_below_each_other_also_where_memory_is_short():
    blocks = [torch.randn(20, 3), torch.randn(7, 3)]
    short = subject(embed=doubled_where_at_most(6))
    assert torch.equal(embedded(short, blocks, 27), 2 * torch.cat(blocks))
    assert short.chunk.size == 6


def test_a_method_that_writes_into_its_rows_changes_a_copy():
    rows = torch.ones(4, 3)
    embedded(subject(embed=lambda part: part.mul_(5)), [rows], 4)
    subject(scores=lambda part, semantics: part.mul_(5) @ semantics.mul_(2).T).scores(rows, torch.eye(3))
    assert torch.equal(rows, torch.ones(4, 3))


def test_scores_in_parts_are_the_scores_of_all():
    rows, semantics = torch.randn(10, 3), torch.randn(4, 3)
    parts = subject(chunk=3, scores=lambda part, a: part @ a.T).scores(rows, semantics)
    torch.testing.assert_close(parts, rows @ semantics.T)


def class_by_class(semantics, per_class):
    return torch.cat(
        [row + torch.randn(per_class, 3, generator=streams(k)) for k, row in enumerate(semantics)]
    )


@pytest.mark.parametrize(("chunk", "calls"), [(1, [1] * 7), (5, [1] * 7), (14, [2, 2, 2, 1]), (100, [7])])
def test_as_many_classes_are_synthesized_at_once_as_fit_and_it_changes_nothing(chunk, calls):
    sizes, semantics = [], torch.randn(7, 3)

    def synthesize(some, noise):
        sizes.append(len(some))
        return drawn(some, noise)

    blocks = synthesized(subject(chunk=chunk, synthesize=synthesize), semantics)
    assert sizes == calls
    assert torch.equal(torch.cat(blocks), class_by_class(semantics, 5))


def test_where_memory_is_short_fewer_classes_are_synthesized_at_once():
    semantics = torch.randn(7, 3)

    def synthesize(some, noise):
        if len(some) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return drawn(some, noise)

    short = subject(synthesize=synthesize)
    assert torch.equal(torch.cat(synthesized(short, semantics)), class_by_class(semantics, 5))
    assert short.chunk.size == 12


def test_where_a_single_class_is_too_much_it_is_tried_once():
    tried = []

    def synthesize(some, noise):
        tried.append(len(some))
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        synthesized(subject(chunk=10, synthesize=synthesize), torch.randn(3, 3))
    assert tried == [2, 1]


def test_a_method_that_writes_into_its_semantics_changes_a_copy():
    semantics = torch.ones(2, 3)
    scaled = subject(synthesize=lambda some, noise: drawn(some.mul_(5), noise))
    synthesized(scaled, semantics)
    assert torch.equal(semantics, torch.ones(2, 3))


def test_a_huge_class_is_synthesized_in_parts_with_any_memory(monkeypatch):
    monkeypatch.setattr(module, "MAX_CLASS_ROWS", 4)
    sizes = []

    def synthesize(semantics, noise):
        sizes.append(len(noise))
        return drawn(semantics, noise)

    results = [
        synthesized(subject(chunk=chunk, synthesize=synthesize), torch.zeros(2, 3), per_class=10)
        for chunk in (2, 100)
    ]
    assert sizes == [4, 4, 2] * 4
    assert [block.shape for block in results[0]] == [(10, 3)] * 2
    assert torch.equal(*map(torch.cat, results))


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("embed", lambda rows: rows[:-1]),
        ("embed", lambda rows: rows[0]),
        ("scores", lambda rows, semantics: rows),
        ("synthesize", lambda semantics, noise: torch.zeros(len(noise) + 1, 3)),
    ],
)
def test_an_answer_of_another_shape_is_refused_by_name(call, wrong):
    checked = subject(**{call: wrong})
    with pytest.raises(PluginError, match=f"{call} returned the shape"):
        if call == "embed":
            embedded(checked, [torch.zeros(4, 3)], 4)
        elif call == "scores":
            checked.scores(torch.zeros(4, 3), torch.zeros(2, 3))
        else:
            synthesized(checked, torch.zeros(1, 2))


def test_blocks_embedded_in_different_widths_are_refused():
    widths = iter((3, 2))
    with pytest.raises(PluginError, match="embed returned the shape"):
        embedded(subject(embed=lambda rows: rows[:, : next(widths)]), [torch.zeros(4, 3)] * 2, 8)


CLASSES = [torch.arange(3.0)[:, None], torch.arange(10.0, 17.0)[:, None], torch.tensor([[20.0]])]


@pytest.mark.parametrize("chunk", [1, 8, 100])
def test_rows_are_drawn_of_each_class_without_repetition_while_there_are_any(chunk):
    checked = subject(chunk=chunk, embed=lambda rows: 2 * rows)
    drawn = torch.cat(list(checked.sample(CLASSES, 4, streams))).split(4)
    for position, (own, rows) in enumerate(zip(CLASSES, drawn, strict=True)):
        values = (rows / 2).flatten().tolist()
        assert set(values) <= set(own.flatten().tolist())
        assert len(set(values)) == min(4, len(own))
        order = torch.randperm(len(own), generator=streams(position)).tolist()
        assert values == [own[order[i % len(own)]].item() for i in range(4)]


def test_a_methods_own_sample_gets_noise_from_the_streams_of_the_classes():
    checked = subject(embed=None, sample=lambda rows, noise: rows + noise.normal(1))
    drawn = torch.cat(list(checked.sample(CLASSES[:1], 3, streams)))
    random = streams(0)
    order = torch.randperm(3, generator=random)
    assert torch.equal(drawn, CLASSES[0][order] + torch.randn(3, 1, generator=random))


def test_a_sample_of_another_length_is_refused():
    with pytest.raises(PluginError, match="sample returned the shape"):
        list(subject(sample=lambda rows, noise: rows[1:]).sample(CLASSES, 2, streams))


def two_streams():
    return [torch.Generator().manual_seed(k) for k in (3, 8)]


@pytest.mark.parametrize(("kind", "plain"), [("normal", torch.randn), ("uniform", torch.rand)])
def test_each_class_draws_from_its_own_stream_again_and_again(kind, plain):
    noise, alone = ClassNoise(two_streams(), 4), two_streams()
    for width in (2, 5):
        drawn = getattr(noise, kind)(width)
        assert torch.equal(drawn, torch.cat([plain(4, width, generator=each) for each in alone]))
    assert len(noise) == len(drawn) == 8


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (None, "NoneType, not a tensor"),
        ([[1.0, 2.0]] * 4, "list, not a tensor"),
        (torch.int64, "numbers of type torch.int64"),
        (torch.bool, "numbers of type torch.bool"),
        (torch.complex64, "numbers of type torch.complex64"),
        (torch.float8_e4m3fn, "numbers of type torch.float8_e4m3fn"),
        ("meta", "numbers of type torch.float32, torch.strided, on meta"),
        ("sparse", "numbers of type torch.float32, torch.sparse_coo"),
        (torch.zeros(()), r"the shape \(\)"),
    ],
)
@pytest.mark.parametrize("call", ["scores", "embed", "synthesize", "sample"])
def test_an_answer_of_another_type_is_refused_by_name(call, wrong, complaint):
    shape = {"scores": (4, 2), "embed": (4, 3), "synthesize": (5, 3), "sample": (6, 3)}[call]
    answer = torch.zeros(shape, dtype=wrong) if isinstance(wrong, torch.dtype) else wrong
    if wrong == "meta":
        answer = torch.zeros(shape, device="meta")
    if wrong == "sparse":
        answer = torch.zeros(shape).to_sparse()
    checked = subject(**{call: lambda *_: answer})
    with pytest.raises(PluginError, match=f"{call} returned {complaint}") as caught:
        if call == "scores":
            checked.scores(torch.zeros(4, 3), torch.zeros(2, 3))
        elif call == "embed":
            embedded(checked, [torch.zeros(4, 3)], 4)
        elif call == "synthesize":
            synthesized(checked, torch.zeros(1, 2))
        else:
            list(checked.sample(CLASSES, 2, streams))
    assert caught.value.where == "SimpleNamespace"
