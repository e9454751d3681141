from __future__ import annotations

import pytest
import torch
from sklearn.cluster import KMeans

from gzslbench_methods.lisgan.method import class_prototypes, nearest_prototype, soul_loss


def test_prototypes_are_the_centres_that_k_means_finds_in_each_class():
    torch.manual_seed(0)
    labels = torch.arange(60) % 2
    features = torch.randn(60, 4) + 5 * labels[:, None]
    found = class_prototypes(features, labels, 2, 3, random_state=3)
    assert found.shape == (2, 3, 4) and found.dtype == features.dtype
    for label in range(2):
        own = KMeans(3, n_init=10, random_state=3).fit(features[labels == label].numpy()).cluster_centers_
        torch.testing.assert_close(found[label], torch.from_numpy(own))


def test_a_class_of_fewer_distinct_rows_than_clusters_repeats_a_centre():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    found = class_prototypes(features, torch.tensor([0, 0, 0, 1]), 2, 3, random_state=3)
    assert {tuple(row) for row in found[0].tolist()} == {(1.0, 0.0), (0.0, 2.0)}
    assert found[1].tolist() == [[5.0, 5.0]] * 3


def test_the_nearest_is_that_of_a_loop():
    torch.manual_seed(0)
    features, prototypes = torch.randn(5, 4), torch.randn(5, 3, 4)
    expected = [
        min(float((x - p).square().sum()) for p in own) for x, own in zip(features, prototypes, strict=True)
    ]
    assert nearest_prototype(features, prototypes).tolist() == pytest.approx(expected)
    assert soul_loss(features, prototypes).item() == pytest.approx(sum(expected) / 5)
