"""CADA-VAE's losses against loops and known distributions, and how it draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from gzslbench.errors import ParamError
from gzslbench.plugins import Batch, ClassNoise, TrainView
from gzslbench.plugins.presets import preset
from gzslbench_methods.cada_vae import SPEC, CadaVaeParams
from gzslbench_methods.cada_vae.method import CadaVae, alignment_loss, prior_loss, reconstruction_loss
from gzslbench_methods.layers import linear_warmup

pytestmark = pytest.mark.usefixtures("float64")

ROWS, FEATURES, CLASSES, SEMANTICS, LATENT = 7, 6, 4, 5, 3
SMALL = {f"{part}_{kind}": 8 for part in ("features", "semantics") for kind in ("encoder", "decoder")}


@pytest.fixture
def view(float64):
    torch.manual_seed(0)
    labels = torch.arange(ROWS) % CLASSES
    return TrainView(torch.rand(ROWS, FEATURES), labels, torch.randn(CLASSES, SEMANTICS))


@pytest.fixture
def made(view):
    def build(**settings):
        torch.manual_seed(1)
        return CadaVae(view, CadaVaeParams(latent=LATENT, **SMALL, **settings))

    return build


@pytest.fixture
def normals(float64):
    torch.manual_seed(2)
    return [torch.randn(ROWS, LATENT) for _ in range(4)]


def batch_of(view, epoch=0):
    return Batch(view.features, view.labels, torch.Generator().manual_seed(5), torch.tensor(float(epoch)))


def test_the_reconstruction_sums_absolute_differences(view):
    decoded = torch.rand(ROWS, FEATURES)
    total = sum(
        abs(x - y)
        for row, other in zip(view.features.tolist(), decoded.tolist(), strict=True)
        for x, y in zip(row, other, strict=True)
    )
    assert reconstruction_loss(view.features, decoded).item() == pytest.approx(total)


def test_the_divergence_from_the_prior_is_that_of_normal_distributions(normals):
    mean, log_variance, *_ = normals
    own = Normal(mean, (log_variance / 2).exp())
    expected = kl_divergence(own, Normal(torch.zeros(()), torch.ones(()))).sum()
    torch.testing.assert_close(prior_loss(mean, log_variance), expected)


def test_the_alignment_is_the_wasserstein_distance_of_each_row(normals):
    total = 0.0
    for mean, log_variance, mean_other, log_variance_other in zip(*normals, strict=True):
        one, other = (torch.diag(each.exp()) for each in (log_variance, log_variance_other))
        root = torch.diag(torch.diag(one).sqrt())
        eigenvalues = torch.linalg.eigvalsh(root @ other @ root).clamp(min=0)
        bures = torch.trace(one + other) - 2 * eigenvalues.sqrt().sum()
        total += ((mean - mean_other).square().sum() + bures).sqrt()
    torch.testing.assert_close(alignment_loss(*normals), total)


@pytest.mark.parametrize(("epoch", "weight"), [(0, 0), (6, 0), (10, 2), (14, 4), (22, 8), (99, 8)])
def test_weights_grow_linearly_between_their_epochs(epoch, weight):
    assert linear_warmup(8.0, torch.tensor(float(epoch)), 6, 22).item() == pytest.approx(weight)


@pytest.mark.parametrize("variant", ["reference", "clean"])
def test_the_loss_is_the_weighted_sum_over_both_ways_through_the_latent_space(made, view, variant):
    method = made(variant=variant)
    epoch, noise = 30, torch.Generator().manual_seed(5)
    terms = method.vae_loss(batch_of(view, epoch))
    width = 1 if variant == "reference" else LATENT
    own, other = (torch.randn(ROWS, width, generator=noise) for _ in range(2))
    semantics = view.semantics[view.labels]
    mean, log_variance = method.features_encoder(view.features)
    mean_a, log_variance_a = method.semantics_encoder(semantics)
    scale = 1.0 if variant == "reference" else 0.5
    z = mean + torch.exp(scale * log_variance) * own
    z_a = mean_a + torch.exp(scale * log_variance_a) * other
    cross, kl = 2.37 * 9 / 54, 0.25 * 30 / 93
    expected = {
        "features": (method.features_decoder(z) - view.features).abs().sum(),
        "semantics": (method.semantics_decoder(z_a) - semantics).abs().sum(),
        "features_prior": kl * prior_loss(mean, log_variance),
        "semantics_prior": kl * prior_loss(mean_a, log_variance_a),
        "cross_features": cross * (method.features_decoder(z_a) - view.features).abs().sum(),
        "cross_semantics": cross * (method.semantics_decoder(z) - semantics).abs().sum(),
        "alignment": 8.13 * alignment_loss(mean, log_variance, mean_a, log_variance_a),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)


def test_at_first_only_the_reconstructions_count(made, view):
    terms = made().vae_loss(batch_of(view))
    assert {name for name, term in terms.items() if term.item() != 0} == {"features", "semantics"}


@pytest.mark.parametrize(("variant", "power"), [("reference", 1.0), ("clean", 0.5)])
def test_drawn_rows_have_the_variants_deviation(made, view, variant, power):
    method = made(variant=variant)
    with torch.no_grad():
        method.semantics_encoder.log_variance.bias.copy_(torch.tensor([-2.0, 0.0, 1.0]))
        mean, log_variance = method.semantics_encoder(view.semantics[:1])
        rows = method.synthesize(view.semantics[:1], ClassNoise([torch.Generator().manual_seed(3)], 40000))
    deviation = torch.exp(power * log_variance)[0]
    torch.testing.assert_close(rows.mean(0), mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(rows.std(0), deviation, rtol=0.02, atol=0)
    together = torch.corrcoef(rows.t())[0, 1].item()
    assert together == pytest.approx(1.0 if variant == "reference" else 0.0, abs=0.02)


def test_seen_rows_are_drawn_around_the_mean_that_stands_for_a_test_row(made, view):
    method = made()
    streams = [torch.Generator().manual_seed(seed) for seed in range(2)]
    with torch.no_grad():
        rows = method.sample(view.features[:6], ClassNoise(streams, 3))
        mean, log_variance = method.features_encoder(view.features[:6])
    noise = torch.cat([torch.randn(3, 1, generator=torch.Generator().manual_seed(s)) for s in range(2)])
    torch.testing.assert_close(method.embed(view.features[:6]), mean)
    torch.testing.assert_close(rows, mean + log_variance.exp() * noise)


def test_layers_start_at_half_the_gain_of_xavier(view):
    torch.manual_seed(1)
    weight = CadaVae(view, CadaVaeParams(semantics_decoder=400)).semantics_decoder[0].weight
    bound = 0.5 * math.sqrt(6 / (64 + 400))
    assert 0.95 * bound < weight.abs().max() <= bound


def test_a_warm_up_that_ends_before_it_starts_is_refused():
    with pytest.raises(ParamError, match="cross_end"):
        CadaVaeParams(cross_start=20, cross_end=20)


@pytest.mark.parametrize(
    ("dataset", "epochs"), [("SUN", (21, 30)), ("AWA1", (33, 25)), ("CUB", (23, 22)), ("AWA2", (29, 39))]
)
def test_the_head_has_the_published_epochs(dataset, epochs):
    params = CadaVaeParams(**preset(SPEC, dataset, "att").values)
    assert (params.head_epochs, params.zsl_epochs) == epochs
    assert (params.syn_num, params.seen_num, params.head_batch_size) == (400, 200, 32)
    assert (params.epochs, params.batch_size, params.lr, params.latent) == (100, 50, 1.5e-4, 64)


def test_one_adam_that_keeps_the_largest_moments_updates_all_networks(made):
    method = made()
    (phase,) = method.stages()[0].phases
    assert phase.optimizer.amsgrad and set(phase.updates) == set(method.modules)
