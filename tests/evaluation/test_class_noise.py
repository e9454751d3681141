from __future__ import annotations

import pytest
import torch

from gzslbench.evaluation.class_noise import ClassNoise


def streams():
    return [torch.Generator().manual_seed(k) for k in (3, 8)]


@pytest.mark.parametrize(("kind", "plain"), [("normal", torch.randn), ("uniform", torch.rand)])
def test_each_class_draws_from_its_own_stream_again_and_again(kind, plain):
    noise, alone = ClassNoise(streams(), 4), streams()
    for width in (2, 5):
        drawn = getattr(noise, kind)(width)
        assert torch.equal(drawn, torch.cat([plain(4, width, generator=each) for each in alone]))
    assert len(noise) == len(drawn) == 8
