"""Zero-shot CLIP (Radford et al., ICML 2021), written plainly.

I is the embedding of an image, T_c that of the text of class c, t the learned temperature, exp(t) its factor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench_methods.zero_shot_clip import ZeroShotClip


class PlainZeroShotClip(ZeroShotClip):
    """The logits, one by one."""

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """exp(t) Iᵀ T_c / (‖I‖ ‖T_c‖); exp(t) is ``logit_scale``."""
        rows = []
        for image in features:
            cosines = [(image @ text) / (image.norm() * text.norm()) for text in semantics]
            rows.append(self.params.logit_scale * torch.stack(cosines))
        return torch.stack(rows)
