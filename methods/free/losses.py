"""FREE's centre loss; the semantic loss is TF-VAEGAN's, the others are f-VAEGAN-D2's."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench_methods.precision import full


def center_loss(
    latent: Tensor,
    centers: Tensor,
    labels: Tensor,
    margin: float,
    own_share: float,
    others: Tensor | None = None,
) -> Tensor:
    """Self-adaptive margin centre loss, mean over the rows (Chen et al. 2021, L_SAMC).

    A row's is max(0, margin + gamma |z - own|^2 - (1 - gamma) |z - other|^2).

    Args:
        latent: ``(B, a)``, z.
        centers: ``(C, a)``, C > 1.
        labels: ``(B,)`` rows of ``centers``.
        margin: At least 0.
        own_share: gamma, in [0, 1].
        others: ``(B,)`` rows of ``centers`` to keep away from; None for the nearest that is not the own.
    """
    latent = full(latent)
    own = (latent - centers.index_select(0, labels)).square().sum(1)
    if others is None:
        distances = (latent.unsqueeze(1) - centers).square().sum(2)
        at_home = labels.unsqueeze(1) == torch.arange(len(centers), device=labels.device)
        other = distances.masked_fill(at_home, torch.inf).amin(1)
    else:
        other = (latent - centers.index_select(0, others)).square().sum(1)
    return (margin + own_share * own - (1 - own_share) * other).clamp(min=0).mean()
