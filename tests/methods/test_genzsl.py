"""GenZSL: its similar classes, mixtures, loss and synthesis against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gzslbench.computing.seeds import generator
from gzslbench.plugins import Batch, ClassNoise, TrainView
from gzslbench_methods.genzsl import GenZslParams
from gzslbench_methods.genzsl.method import GenZsl, common_direction, contrastive_loss

pytestmark = pytest.mark.usefixtures("float64")
ROWS, WIDTH, CLASSES = 17, 6, 5


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    features = torch.nn.functional.normalize(torch.randn(ROWS, WIDTH), dim=1)
    return TrainView(features, torch.arange(ROWS).flip(0) % CLASSES, torch.randn(CLASSES, WIDTH) + 1)


def make(view, **settings):
    torch.manual_seed(1)
    method = GenZsl(view, GenZslParams(**{"hidden": 7, "latent": 3, **settings}))
    for parameter in method.modules.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    return method


def refined_by_hand(semantics, of_seen):
    """E - u u' E for the first left singular vector u of the seen rows, and the same direction of others."""
    unit, seen = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (semantics, of_seen))
    values, vectors = np.linalg.eigh(seen.T @ seen)
    v = vectors[:, values.argmax()]
    return unit - np.outer(unit @ v, v)


def cosine(one, other):
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


def test_the_published_projection_by_left_singular_vectors_is_ours_by_right_ones(view):
    unit = torch.nn.functional.normalize(view.semantics, dim=1).numpy()
    left = np.linalg.svd(unit)[0][:, 1:]
    method = make(view)
    np.testing.assert_allclose(method.semantics, left @ left.T @ unit, atol=1e-12)
    np.testing.assert_allclose(method.semantics, refined_by_hand(view.semantics.numpy(), unit), atol=1e-12)
    assert common_direction(torch.from_numpy(unit)).norm().item() == pytest.approx(1)


def test_without_it_the_semantics_only_get_length_one(view):
    expected = view.semantics / view.semantics.norm(dim=1, keepdim=True)
    torch.testing.assert_close(make(view, remove_common=False).semantics, expected)


def test_the_neighbours_of_a_seen_class_are_the_two_others_of_highest_cosine(view):
    method = make(view)
    a = method.semantics.numpy()
    for k in range(CLASSES):
        others = sorted((other for other in range(CLASSES) if other != k), key=lambda o: -cosine(a[k], a[o]))
        assert method.neighbours[k].tolist() == others[:2]


@pytest.mark.parametrize(("classes", "expected"), [(1, [[0, 0]]), (2, [[1, 0], [0, 1]])])
def test_few_classes_repeat(view, classes, expected):
    kept = view.labels < classes
    few = TrainView(view.features[kept], view.labels[kept], view.semantics[:classes])
    found = make(few).neighbours
    assert [row[0] for row in found.tolist()] == [row[0] for row in expected]


def test_a_mixture_is_of_one_row_of_each_class_in_the_given_share(view):
    method = make(view, nearest_weight=0.7)
    classes = torch.tensor([[3, 1], [0, 4]])
    keys = torch.tensor([[0.0, 0.999999], [0.5, 0.34]])
    rows = [[np.flatnonzero(view.labels.numpy() == k) for k in pair] for pair in classes.tolist()]
    expected = []
    for (first, second), (key1, key2) in zip(rows, keys.tolist(), strict=True):
        x1 = view.features[first[int(key1 * len(first))]].numpy()
        x2 = view.features[second[int(key2 * len(second))]].numpy()
        expected.append(0.7 * x1 + 0.3 * x2)
    np.testing.assert_allclose(method.mix(classes, keys), expected)


def test_the_contrastive_loss_is_that_of_both_directions(float64):
    torch.manual_seed(2)
    x, a = torch.randn(4, 3), torch.randn(4, 3)
    logits = (x @ a.t() / 0.5).exp().numpy()
    by_text, by_row = logits / logits.sum(1, keepdims=True), logits / logits.sum(0)
    expected = -(np.log(np.diag(by_text)).mean() + np.log(np.diag(by_row)).mean()) / 2
    assert contrastive_loss(x, a, 0.5).item() == pytest.approx(expected)


def test_unseen_classes_are_induced_from_their_two_most_similar_seen_classes(view):
    method = make(view)
    unseen = torch.randn(2, WIDTH) + 1
    a = refined_by_hand(unseen.numpy(), view.semantics.numpy())
    used = []
    mix = method.mix
    method.mix = lambda classes, keys: used.append(classes) or mix(classes, keys)
    streams = [generator("cpu", 1, str(k)) for k in range(2)]
    features = method.synthesize(unseen, ClassNoise(streams, 3))
    seen = method.semantics.numpy()
    for k in range(2):
        best = sorted(range(CLASSES), key=lambda s: -cosine(a[k], seen[s]))[:2]
        assert used[0][3 * k : 3 * k + 3].tolist() == [best] * 3
    assert features.shape == (6, WIDTH)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(6))
    assert len(torch.unique(features, dim=0)) == 6


def test_the_loss_reads_no_row_of_its_own_class_as_input(view):
    """A row is rebuilt from other classes: other features of its class change the target, not the input."""
    method, seen = make(view), []
    decode = method.decode
    method.decode = lambda mixture, own, noise: seen.append(mixture) or decode(mixture, own, noise)
    label = 2
    changed = TrainView(
        torch.where((view.labels == label)[:, None], view.features + 1, view.features),
        view.labels,
        view.semantics,
    )
    of_class = (view.labels == label).nonzero().squeeze(1)
    for features in (view.features, changed.features):
        method.features = features
        noise = torch.Generator().manual_seed(0)
        method.vae_loss(Batch(features[of_class], view.labels[of_class], noise))
    assert torch.equal(seen[0], seen[1])
