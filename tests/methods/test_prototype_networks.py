"""DEM and CNZSL against their formulas, row by row and unit by unit."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.cnzsl import CnzslParams
from gzslbench_methods.cnzsl.method import (
    ClassNormalization,
    Cnzsl,
    PrototypeNetwork,
    class_loss,
    scaled_cosines,
)
from gzslbench_methods.dem import Dem, DemParams

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS = 13, 6, 4, 5


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


def batch_of(view):
    return Batch(view.features, view.labels, torch.Generator())


def test_dem_measures_each_row_from_the_embedding_of_its_class(view):
    torch.manual_seed(1)
    method = Dem(view, DemParams(hidden=7))
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter)
    first, second = method.embedding[0], method.embedding[2]
    total = 0.0
    for x, label in zip(view.features, view.labels.tolist(), strict=True):
        hidden = functional.relu(first.weight @ view.semantics[label] + first.bias)
        total += (functional.relu(second.weight @ hidden + second.bias) - x).square().sum()
    loss = method.embedding_loss(batch_of(view))["distance"]
    torch.testing.assert_close(loss, total / (ROWS * FEATURES))
    unseen = torch.randn(3, SEMANTICS)
    scores = method.scores(view.features, unseen)
    nearest = torch.stack([(method.embedding(unseen) - x).norm(dim=1) for x in view.features])
    torch.testing.assert_close(scores, -nearest)


def test_dem_may_compare_by_the_cosine(view):
    method = Dem(view, DemParams(hidden=7, neighbour="cosine"))
    torch.nn.init.normal_(method.embedding[2].weight)
    unseen = torch.randn(3, SEMANTICS)
    for row, x in zip(method.scores(view.features, unseen), view.features, strict=True):
        torch.testing.assert_close(row, functional.cosine_similarity(x[None], method.embedding(unseen)))


def test_dem_starts_as_published_or_as_the_family_does(view):
    torch.manual_seed(1)
    published = Dem(view, DemParams(hidden=4000, variant="reference")).embedding[0]
    assert (published.bias == 0.1).all()
    assert published.weight.abs().max() <= 0.2
    assert published.weight.std().item() == pytest.approx(
        0.088, rel=0.02
    )  # of a normal cut at two deviations
    clean = Dem(view, DemParams(hidden=4000, variant="clean")).embedding[0]
    assert not clean.bias.any()
    assert clean.weight.std().item() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_class_normalization_shifts_and_scales_over_the_classes(power):
    torch.manual_seed(0)
    layer, units = ClassNormalization(3, power), 5 * torch.randn(7, 3) + 2
    out = layer(units)
    for k in range(3):
        values = units[:, k].tolist()
        mean = sum(values) / 7
        variance = sum((v - mean) ** 2 for v in values) / 6
        expected = [(v - mean) / (variance + 1e-5) ** power for v in values]
        assert out[:, k].tolist() == pytest.approx(expected)
        assert layer.mean[k].item() == pytest.approx(0.1 * mean)
        assert layer.variance[k].item() == pytest.approx(0.9 + 0.1 * variance)
    layer.eval()
    fixed = (units - layer.mean) / (layer.variance + 1e-5) ** power
    before = layer.mean.clone()
    torch.testing.assert_close(layer(units), fixed)
    assert torch.equal(layer.mean, before)


def test_a_single_class_gives_finite_units():
    assert torch.isfinite(ClassNormalization(3, 0.5)(torch.randn(1, 3))).all()


def test_the_last_layer_starts_within_its_bounds_and_fills_them():
    torch.manual_seed(0)
    weight = PrototypeNetwork(5, 64, 48, "variance").layers[6].weight
    bound = math.sqrt(3 / (64 * 48))
    assert 0.95 * bound < weight.abs().max() <= bound


def test_semantics_of_any_length_give_the_same_prototypes():
    network = PrototypeNetwork(5, 8, 6, "none")
    semantics = torch.rand(3, 5)
    torch.testing.assert_close(network(semantics), network(7 * semantics))


def test_the_loss_is_the_cross_entropy_of_scaled_cosines(view):
    torch.manual_seed(2)
    prototypes = torch.rand(CLASSES, FEATURES)
    total = 0.0
    for x, label in zip(view.features, view.labels.tolist(), strict=True):
        logits = [25 * functional.cosine_similarity(x, p, dim=0).item() for p in prototypes]
        total -= math.log(math.exp(logits[label]) / sum(map(math.exp, logits)))
    loss = class_loss(view.features, prototypes, view.labels, 5.0)
    assert loss.item() == pytest.approx(total / ROWS)


def test_only_scores_of_seen_classes_are_lowered(view):
    torch.manual_seed(1)
    method = Cnzsl(view, CnzslParams(hidden=7, seen_factor=0.5))
    method.modules.eval()
    semantics = torch.cat([torch.randn(2, SEMANTICS), view.semantics])
    scores = method.scores(view.features, semantics)
    plain = scaled_cosines(view.features, method.prototypes(semantics), 5.0)
    torch.testing.assert_close(scores, plain * torch.tensor([1.0, 1.0, 0.5, 0.5, 0.5, 0.5]))


def test_the_learning_rate_falls_tenfold_after_the_decay_epochs(view):
    (stage,) = Cnzsl(view, CnzslParams(hidden=7)).stages()
    assert [stage.schedule(epoch) for epoch in (0, 24, 25, 49)] == pytest.approx([1, 1, 0.1, 0.1])
