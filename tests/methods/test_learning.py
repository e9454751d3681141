"""Every method on the problem with a known answer, and in lower precision."""

from __future__ import annotations

import pytest
import torch

from gzslbench.data.views import make_views
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.testing.methods.case import MethodCase
from gzslbench.training.trainer import Trainer, build_method

FALLING = {
    "ale": ("hinges", "hinges/ranking"),
    "cada-vae": ("vae", "vae/features"),
    "ce-gzsl": ("game", "critic/class"),
    "cnzsl": ("prototypes", "prototypes/class"),
    "cycle-clswgan": ("regressor", "regressor/regressor"),
    "dem": ("embedding", "embedding/distance"),
    "devise": ("hinges", "hinges/rank"),
    "f-clswgan": ("classifier", "classifier/classifier"),
    "lisgan": ("classifier", "classifier/classifier"),
    "sdgzsl": ("disentangling", "networks/features"),
    "sje": ("hinges", "hinges/structured"),
    "tf-vaegan": ("game", "critic/semantics"),
}
TRAINED = [spec.name for spec in plugins().methods().values() if MethodCase(spec).has_stages]
SLOW = ("ce-gzsl", "sdgzsl", "tf-vaegan")
CASES = [pytest.param(name, marks=pytest.mark.acceptance) if name in SLOW else name for name in FALLING]


def start(name, **settings):
    spec = plugins().method(name)
    view, _ = make_views(MethodCase(spec).dataset("synthetic"), spec.preprocessing, "cpu", spec.setting)
    values = {**preset(spec, "synthetic", "latent").values, **settings}
    method = build_method(spec, view, build(spec.params, values, "test"), seed=1)
    return method, view


@pytest.mark.parametrize("name", CASES)
def test_the_classification_loss_of_real_features_falls_by_a_third(name):
    method, view = start(name, epochs=3)
    stage, term = FALLING[name]
    ends = []
    for end in Trainer(method, view, seed=1).epochs():
        if end.stage == stage:
            ends.append(end)
            if end.epoch == end.epochs:  # what later stages train does not matter
                break
    assert ends[-1].losses[term] < ends[0].losses[term] * 2 / 3


@pytest.mark.parametrize("name", TRAINED)
def test_bfloat16_losses_stay_near_those_of_full_precision(name):
    from gzslbench.plugins import Batch

    method, view = start(name)
    phase = method.stages()[-1].phases[0]

    def terms():
        batch = Batch(view.features[:200], view.labels[:200], torch.Generator().manual_seed(0))
        return phase.loss(batch)

    full = terms()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = terms()
    sum(low.values()).backward()
    for term, value in full.items():
        assert low[term].item() == pytest.approx(value.item(), rel=0.03, abs=0.01), term
    for parameter in method.modules.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()
