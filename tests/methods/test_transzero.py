"""TransZero's transformer against the layers of torch, its geometry against a loop, and its losses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from gzslbench.plugins import Batch, ClassTransductiveView
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.training.trainer import build_method
from gzslbench_methods.regions import arrange
from gzslbench_methods.transzero.method import TransZero
from gzslbench_methods.transzero.transformer import Attention, TwoLayers, relate_places

pytestmark = pytest.mark.usefixtures("float64")
SEEN, UNSEEN, ATTRIBUTES, VECTOR, REGIONS, FEATURES, WIDTH = 3, 2, 4, 3, 6, 5, 8


def make(**settings: Any) -> tuple[TransZero, ClassTransductiveView]:
    """The method with random networks, and its view of random regions."""
    torch.manual_seed(0)
    view = ClassTransductiveView(
        torch.rand(7, REGIONS, FEATURES),
        torch.arange(7) % SEEN,
        torch.rand(SEEN, ATTRIBUTES),
        attribute_vectors=torch.randn(ATTRIBUTES, VECTOR),
        unseen_semantics=torch.rand(UNSEEN, ATTRIBUTES),
    )
    spec = plugins().method("transzero")
    params = build(spec.params, {"width": WIDTH, "hidden": 9, **settings}, "a test")
    method = build_method(spec, view, params, seed=1)
    for parameter in method.modules.parameters():
        nn.init.normal_(parameter, 0.0, 0.5)
    return method, view


def copy_attention(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    layers = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([layer.weight.data for layer in layers])
    key_bias = torch.randn(WIDTH)  # has no effect
    theirs.in_proj_bias.data = torch.cat([ours.query.bias.data, key_bias, ours.value.bias.data])
    theirs.out_proj.load_state_dict(ours.out.state_dict())


def copy_layers(ours: TwoLayers, theirs: Any, norm: nn.LayerNorm) -> None:
    theirs.linear1.load_state_dict(ours.first.state_dict())
    theirs.linear2.load_state_dict(ours.second.state_dict())
    norm.load_state_dict(ours.norm.state_dict())


def test_the_decoder_is_a_decoder_layer_of_torch() -> None:
    ours = make()[0].transformer.decoder
    theirs = nn.TransformerDecoderLayer(WIDTH, 1, 9, batch_first=True).eval()
    assert ours.self_attention is not None and ours.self_norm is not None
    copy_attention(ours.self_attention, theirs.self_attn)
    copy_attention(ours.attention, theirs.multihead_attn)
    theirs.norm1.load_state_dict(ours.self_norm.state_dict())
    theirs.norm2.load_state_dict(ours.norm.state_dict())
    copy_layers(ours.layers, theirs, theirs.norm3)
    attributes, regions = torch.randn(1, ATTRIBUTES, WIDTH), torch.randn(7, REGIONS, WIDTH)
    torch.testing.assert_close(ours(attributes, regions, None), theirs(attributes.expand(7, -1, -1), regions))


@pytest.mark.parametrize("geometry", [True, False])
def test_the_clean_encoder_is_an_encoder_layer_of_torch_with_a_mask_of_places(geometry: bool) -> None:
    ours = make(variant="clean", geometry=geometry)[0].transformer.encoder
    theirs = nn.TransformerEncoderLayer(WIDTH, 1, 9, batch_first=True).eval()
    copy_attention(ours.attention, theirs.self_attn)
    theirs.norm1.load_state_dict(ours.norm.state_dict())
    copy_layers(ours.layers, theirs, theirs.norm2)
    regions, mask = torch.randn(7, REGIONS, WIDTH), None
    if ours.geometry is not None:
        ours.geometry.bias.data -= (ours.places @ ours.geometry.weight[0]).mean()
        mask = -functional.relu(ours.places @ ours.geometry.weight[0] + ours.geometry.bias)
        assert 0 < (mask < 0).sum() < mask.numel()
    torch.testing.assert_close(ours(regions, None), theirs(regions, src_mask=mask))


def test_the_published_encoder_takes_a_second_residual_step() -> None:
    ours = make(geometry=False)[0].transformer.encoder
    attention = nn.MultiheadAttention(WIDTH, 1, batch_first=True)
    copy_attention(ours.attention, attention)
    regions = torch.randn(7, REGIONS, WIDTH)
    once = ours.norm(regions + attention(regions, regions, regions)[0])
    assert ours.second_norm is not None
    twice = ours.second_norm(regions + once)
    torch.testing.assert_close(ours(regions, None), ours.layers(twice, 0.0, None))


@pytest.mark.parametrize(
    ("regions", "grid"), [(49, (7, 7)), (196, (14, 14)), (6, (2, 3)), (4, (2, 2)), (1, (1, 1)), (7, (1, 7))]
)
def test_regions_form_the_grid_nearest_to_a_square(regions: int, grid: tuple[int, int]) -> None:
    assert arrange(regions) == grid


@pytest.mark.parametrize(("unit", "width", "height"), [("region", 1 / 3, 1 / 2), ("image", 4 / 3, 3 / 2)])
def test_waves_say_how_far_regions_are_apart(unit: str, width: float, height: float) -> None:
    waves = relate_places(2, 3, unit)
    # From region 5, in the lower right corner, to region 0, in the upper left one.
    across, down = math.log(2 / 3 / width), math.log(1 / 2 / height)
    assert waves[5, 0, 0].item() == pytest.approx(math.sin(100 * across))
    assert waves[5, 0, 7].item() == pytest.approx(math.sin(100 * across / 1000 ** (7 / 8)))
    assert waves[5, 0, 8].item() == pytest.approx(math.sin(100 * down))
    assert waves[5, 0, 32 + 9].item() == pytest.approx(math.cos(100 * down / 1000 ** (1 / 8)))
    assert waves[5, 0, 16:32].tolist() == [0.0] * 16 and waves[5, 0, 48:].tolist() == [1.0] * 16
    assert waves[4, 4, 0].item() == pytest.approx(math.sin(100 * math.log(1e-3)))
    assert waves.shape == (6, 6, 64)
    torch.testing.assert_close(waves, waves.transpose(0, 1))


def test_the_order_of_regions_matters_only_through_their_places() -> None:
    order = torch.randperm(REGIONS, generator=torch.Generator().manual_seed(1))
    for geometry, same in ((False, True), (True, False)):
        method, view = make(geometry=geometry)
        found, reordered = (method.transformer(each) for each in (view.features, view.features[:, order]))
        assert torch.allclose(found, reordered) == same


def test_without_dropout_training_sees_the_scores_of_the_evaluation() -> None:
    method, view = make(dropout=0.0, variant="clean", regression=0.5, calibration=0.3, margin=0.7)
    terms = method.transformer_loss(Batch(view.features, view.labels, torch.Generator()))
    scores = method.scores(view.features, torch.cat([view.semantics, view.unseen_semantics]))
    surprise, kept = 0.0, 0.0
    for row, label in zip(scores.tolist(), view.labels.tolist(), strict=True):
        unseen = sum(math.exp(value) for value in row[SEEN:])
        seen = [math.exp(value) for value in row[:SEEN]]
        surprise -= math.log(seen[label] / sum(seen)) / len(scores)
        kept += unseen / (unseen + sum(seen)) / len(scores)
    assert terms["class"].item() == pytest.approx(surprise)
    assert terms["calibration"].item() == pytest.approx(-0.3 * math.log(kept))
    found = method.transformer(view.features).tolist()
    targets = [functional.normalize(each, dim=0).tolist() for each in view.semantics[view.labels]]
    squares = [
        (x - y) ** 2
        for row, target in zip(found, targets, strict=True)
        for x, y in zip(row, target, strict=True)
    ]
    assert terms["regression"].item() == pytest.approx(0.5 * sum(squares) / len(squares))


def test_dropout_differs_between_images_and_follows_the_noise_of_the_batch() -> None:
    method, view = make(dropout=0.5)
    same = view.features[:1].expand(5, -1, -1)

    def found(seed: int) -> torch.Tensor:
        return method.transformer(same, Batch(same, view.labels[:5], torch.Generator().manual_seed(seed)))

    assert len({tuple(row) for row in found(0).tolist()}) == 5
    assert torch.equal(found(0), found(0)) and not torch.equal(found(0), found(1))
    assert len({tuple(row) for row in method.transformer(same).round(decimals=9).tolist()}) == 1


def test_the_start_has_the_bounds_of_torchs_own_layers() -> None:
    torch.manual_seed(0)
    spec = plugins().method("transzero")
    _, view = make()
    method = build_method(spec, view, build(spec.params, {"width": 64}, "a test"), seed=1)
    theirs = nn.MultiheadAttention(64, 1)
    bound = theirs.in_proj_weight.abs().max().item()
    decoder, encoder = method.transformer.decoder.attention, method.transformer.encoder.attention
    for layer in (decoder.query, decoder.key, decoder.value):
        assert layer.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    for layer in (encoder.query, encoder.key, encoder.value, encoder.out):
        assert layer.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 128), rel=0.01)
    bound = theirs.out_proj.weight.abs().max().item()
    assert decoder.out.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert not any(
        layer.bias.any() for each in (decoder, encoder) for layer in (each.query, each.value, each.out)
    )
