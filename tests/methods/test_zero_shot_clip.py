"""Zero-shot CLIP against a tiny CLIP of transformers, and its refusal of semantics from another space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gzslbench.data.synthetic.dataset import make_synthetic
from gzslbench.errors import DataError
from gzslbench.plugins import TrainView
from gzslbench.runs.plan import fit_to_method
from gzslbench_methods.zero_shot_clip import SPEC, ZeroShotClip, ZeroShotClipParams
from gzslbench_methods.zero_shot_clip.plain import PlainZeroShotClip


def view_of(features, semantics):
    return TrainView(features, torch.arange(len(features)) % len(semantics), semantics)


def test_the_scores_are_the_logits_of_clip():
    transformers = pytest.importorskip("transformers", reason="pip install 'gzslbench[hf]'")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={**small, "vocab_size": 20, "max_position_embeddings": 8, "eos_token_id": 19},
        vision_config={**small, "image_size": 8, "patch_size": 4},
        projection_dim=12,
    )
    torch.manual_seed(0)
    model = transformers.CLIPModel(config).eval()
    tokens = torch.cat([torch.randint(1, 18, (5, 6)), torch.full((5, 1), 19)], dim=1)
    pixels = torch.randn(7, 3, 8, 8)
    with torch.no_grad():
        expected = model(input_ids=tokens, pixel_values=pixels)
        found = (model.get_image_features(pixel_values=pixels), model.get_text_features(input_ids=tokens))
        images, texts = (one if isinstance(one, torch.Tensor) else one.pooler_output for one in found)
        scale = model.logit_scale.exp().item()
    method = ZeroShotClip(view_of(images, texts), ZeroShotClipParams(logit_scale=scale))
    scores = method.scores(images, texts)
    torch.testing.assert_close(scores, expected.logits_per_image, rtol=1e-4, atol=1e-4)
    assert scores.std() > 0


def test_the_plain_form_computes_each_logit_alone(float64):
    torch.manual_seed(1)
    features, semantics = torch.randn(6, 4), torch.randn(3, 4)
    one, other = (
        cls(view_of(features, semantics), ZeroShotClipParams(logit_scale=30.0))
        for cls in (ZeroShotClip, PlainZeroShotClip)
    )
    expected = [
        [30 * float(x @ t) / float(np.linalg.norm(x) * np.linalg.norm(t)) for t in semantics.numpy()]
        for x in features.numpy()
    ]
    torch.testing.assert_close(one.scores(features, semantics), torch.tensor(expected))
    torch.testing.assert_close(other.scores(features, semantics), torch.tensor(expected))


def test_training_rows_change_nothing():
    torch.manual_seed(2)
    features, semantics = torch.randn(6, 4), torch.randn(3, 4)
    one, other = (
        ZeroShotClip(view_of(rows, semantics), ZeroShotClipParams()) for rows in (features, features + 1)
    )
    assert torch.equal(one.scores(features, semantics), other.scores(features, semantics))
    assert not one.stages() and not one.modules.state_dict()


def test_semantics_of_another_width_are_refused_before_anything_runs():
    dataset = make_synthetic(classes=5, unseen=2, per_class=4, dim=6, semantic_dim=4, noise=0.1, seed=1)
    with pytest.raises(DataError, match="6 and 4 numbers") as refusal:
        fit_to_method(dataset, SPEC, None)
    assert "data semantics" in str(refusal.value.fix)
    fitting = replace(dataset, semantics=np.ones((5, 6), np.float32), content="")
    assert fit_to_method(fitting, SPEC, None) is fitting


def test_other_methods_take_semantics_of_any_width():
    dataset = make_synthetic(classes=5, unseen=2, per_class=4, dim=6, semantic_dim=4, noise=0.1, seed=1)
    assert fit_to_method(dataset, replace(SPEC, shared_space=False), None) is dataset
