"""Methods that train together, each held against its seeds alone."""

from __future__ import annotations

import pytest
import torch

from gzslbench.data.views import TrainView
from gzslbench.plugins.params import build
from gzslbench.plugins.registry import plugins
from gzslbench.training.construction import build_method
from gzslbench.training.together import SeedGroup
from gzslbench.training.trainer import Trainer

SEEDS = (3, 1, 4)
CADA_VAE = {
    "latent": 4,
    **{f"{part}_{kind}": 8 for part in ("features", "semantics") for kind in ("encoder", "decoder")},
    **{"kl_end": 3, "cross_start": 0, "cross_end": 2, "align_start": 0, "align_end": 2},
}
SDGZSL = {"hidden": 9, "code": 5, "latent": 3, "s_dim": 4, "kl_warmup": 0.1, "tc_warmup": 0.1}
METHODS = {
    "sdgzsl, reference": ("sdgzsl", {**SDGZSL, "variant": "reference"}),
    "sdgzsl, clean": ("sdgzsl", {**SDGZSL, "variant": "clean"}),
    "cada-vae, reference": ("cada-vae", {**CADA_VAE, "variant": "reference"}),
    "cada-vae, clean": ("cada-vae", {**CADA_VAE, "variant": "clean"}),
    "ale, by rank": ("ale", {"weights": "rank"}),
    "ale, by position": ("ale", {"weights": "position", "normalization": "standardize"}),
    "devise, all": ("devise", {"terms": "all"}),
    "devise, first": ("devise", {"terms": "first", "normalization": "none"}),
    "sje, plain": ("sje", {"search": "plain"}),
    "sje, scaled": ("sje", {"search": "scaled", "normalization": "standardize"}),
}


def trainers_of(name):
    numbers = torch.Generator().manual_seed(0)
    features, semantics = torch.rand(60, 12, generator=numbers), torch.rand(6, 5, generator=numbers)
    view = TrainView(features, torch.arange(60) % 6, semantics)
    method, settings = METHODS[name]
    spec = plugins().method(method)
    params = build(spec.params, {"epochs": 3, "batch_size": 16, **settings}, "test")
    return [Trainer(build_method(spec, view, params, seed), view, seed) for seed in SEEDS]


def train(trainers):
    """All to the end, together; what each epoch's losses were, a list a seed."""
    ends = [[] for _ in trainers]
    while (first := trainers[0].under_way()) is not None:
        group = SeedGroup(trainers)
        while trainers[0].under_way() is first:
            group.train()
            for told, trainer in zip(ends, trainers, strict=True):
                told.append(trainer.end_epoch())
        group.release()
    return ends


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", METHODS)
def test_a_training_together_is_that_of_each_seed_alone(name):
    together, alone = trainers_of(name), trainers_of(name)
    ends = train(together)
    for told, own in zip(ends, alone, strict=True):
        expected = list(own.epochs())
        assert len(told) == len(expected)
        for one, other in zip(told, expected, strict=True):
            assert one.losses == pytest.approx(other.losses, rel=1e-9, abs=1e-10)
    for trainer, own in zip(together, alone, strict=True):
        networks = own.method.modules.state_dict()
        for key, tensor in trainer.method.modules.state_dict().items():
            torch.testing.assert_close(tensor, networks[key], rtol=0, atol=1e-9)
    one, other = (torch.cat([p.flatten() for p in t.method.modules.parameters()]) for t in together[:2])
    assert not torch.equal(one, other)
