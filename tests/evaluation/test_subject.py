from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from gzslbench.computing.chunk import Chunk
from gzslbench.errors import PluginError
from gzslbench.evaluation import subject as module
from gzslbench.evaluation.subject import Subject


def subject(chunk=100, per_class=5, **calls):
    return Subject(SimpleNamespace(head=SimpleNamespace(per_class=per_class), **calls), Chunk(chunk))


def doubled_where_at_most(most):
    def embed(rows):
        if len(rows) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 2 * rows

    return embed


def drawn(semantics, per_class, generator):
    return torch.randn(per_class, 3, generator=generator)


def test_blocks_are_embedded_below_each_other_also_where_memory_is_short():
    blocks = [torch.randn(20, 3), torch.randn(7, 3)]
    short = subject(embed=doubled_where_at_most(6))
    assert torch.equal(short.embed(blocks, 27), 2 * torch.cat(blocks))
    assert short.chunk.size == 6


def test_a_method_that_writes_into_its_rows_changes_a_copy():
    rows = torch.ones(4, 3)
    subject(embed=lambda part: part.mul_(5)).embed([rows], 4)
    subject(scores=lambda part, semantics: part.mul_(5) @ semantics.mul_(2).T).scores(rows, torch.eye(3))
    assert torch.equal(rows, torch.ones(4, 3))


def test_scores_in_parts_are_the_scores_of_all():
    rows, semantics = torch.randn(10, 3), torch.randn(4, 3)
    parts = subject(chunk=3, scores=lambda part, a: part @ a.T).scores(rows, semantics)
    torch.testing.assert_close(parts, rows @ semantics.T)


def test_a_huge_class_is_synthesized_in_parts_whatever_the_memory(monkeypatch):
    monkeypatch.setattr(module, "SYNTHESIZED_AT_ONCE", 4)
    asked = []

    def synthesize(semantics, per_class, generator):
        asked.append(per_class)
        return drawn(semantics, per_class, generator)

    results = [
        subject(chunk=chunk, per_class=10, synthesize=synthesize).synthesize(
            torch.zeros(1, 2), 3, torch.Generator().manual_seed(1)
        )
        for chunk in (2, 100)
    ]
    assert asked == [4, 4, 2, 4, 4, 2]
    assert torch.equal(*results)
    assert results[0].shape == (10, 3)


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("embed", lambda rows: rows[:-1]),
        ("embed", lambda rows: rows[0]),
        ("scores", lambda rows, semantics: rows),
        ("synthesize", lambda semantics, per_class, generator: torch.zeros(per_class + 1, 3)),
    ],
)
def test_an_answer_of_another_shape_is_refused_by_name(call, wrong):
    asked = subject(**{call: wrong})
    with pytest.raises(PluginError, match=f"{call} returned the shape"):
        if call == "embed":
            asked.embed([torch.zeros(4, 3)], 4)
        elif call == "scores":
            asked.scores(torch.zeros(4, 3), torch.zeros(2, 3))
        else:
            asked.synthesize(torch.zeros(1, 2), 3, torch.Generator())


def test_blocks_embedded_in_different_widths_are_refused():
    widths = iter((3, 2))
    with pytest.raises(PluginError, match="embed returned the shape"):
        subject(embed=lambda rows: rows[:, : next(widths)]).embed([torch.zeros(4, 3)] * 2, 8)
