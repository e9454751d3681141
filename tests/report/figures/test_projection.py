from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from gzslbench.data.views import EvalView
from gzslbench.errors import DataError
from gzslbench.report.figures.features import project
from gzslbench.runs.load_trained import Trained


class Generator:
    """Synthesizes the semantics with noise; embeds into twice the features."""

    def __init__(self, space="features"):
        self.head = SimpleNamespace(space=space)
        self.modules = nn.ModuleDict()

    def synthesize(self, semantics, noise):
        width = 4 if self.head.space == "features" else 8
        rows = semantics.repeat_interleave(noise.per_class, 0)
        return rows.repeat(1, width // 2) + 0.01 * noise.normal(width)

    def embed(self, features):
        return features.repeat(1, 2) * 10


def trained(counts=(5, 30, 9, 20), space="features", width=4):
    """Two seen classes at either end, between them unseen ones with ``counts`` test rows."""
    random = torch.Generator().manual_seed(0)
    classes = len(counts) + 2
    labels = torch.arange(1, classes - 1).repeat_interleave(torch.tensor(counts))
    features = labels[:, None] + torch.randn(len(labels), width, generator=random)
    seen = torch.zeros(classes, dtype=torch.bool)
    seen[[0, -1]] = True
    test = EvalView(
        seen_features=torch.zeros(1, width),
        seen_labels=torch.zeros(1, dtype=torch.int64),
        unseen_features=features,
        unseen_labels=labels,
        semantics=torch.arange(2 * classes, dtype=torch.float32).view(classes, 2),
        seen=seen,
        classes=np.arange(classes) * 2,
    )
    names = tuple(f"class {i}" for i in range(2 * classes))
    dataset = SimpleNamespace(name="made", class_names=names)
    return Trained(dataset, Generator(space), None, test)


def test_the_most_tested_unseen_classes_are_drawn_with_their_own_names():
    found = project(trained(), 7, classes=2, rows=10)
    assert found.names == ["class 4", "class 8"]
    assert found.unseen == 4
    assert [len(rows) for rows in found.real] == [10, 10]
    assert [rows.shape for rows in found.synthesized] == [(10, 2), (10, 2)]


def test_no_more_rows_of_a_class_are_drawn_than_it_has_and_none_twice():
    found = project(trained((5, 3)), 7, rows=10)
    assert [len(np.unique(rows, axis=0)) for rows in found.real] == [5, 3]
    assert [len(rows) for rows in found.synthesized] == [10, 10]


def test_the_components_are_those_of_the_real_rows_alone():
    model = trained((40, 40))
    found = project(model, 7)
    rows = model.test.unseen_features.numpy().astype(np.float64)
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    assert found.variance == pytest.approx(tuple(100 * values[:2] / values.sum()), rel=1e-4)
    together = np.concatenate(found.real)
    assert together.mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
    assert np.linalg.norm(together, axis=0) ** 2 == pytest.approx(values[:2], rel=1e-4)


def test_the_same_seed_draws_the_same_and_another_seed_other_rows():
    first, again, other = (project(trained(), seed, rows=5) for seed in (7, 7, 8))
    for one, two in ((first.real, again.real), (first.synthesized, again.synthesized)):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(first.synthesized[1], other.synthesized[1])


def test_a_method_that_synthesizes_in_its_embedding_is_compared_there():
    plain, embedded = project(trained(), 7), project(trained(space="embedding"), 7)
    assert (plain.space, embedded.space) == ("features", "embedding")
    scale = 10 * np.sqrt(2)  # each feature stands twice, ten times as large
    for one, two in zip(plain.real, embedded.real, strict=True):
        assert np.abs(two) == pytest.approx(scale * np.abs(one), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("made", [trained((1,)), trained((9, 9), width=1)])
def test_too_little_for_two_dimensions_is_refused(made):
    with pytest.raises(DataError, match="too few"):
        project(made, 7)
