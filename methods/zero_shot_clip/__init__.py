"""Zero-shot CLIP: cosines of images and class names, both embedded by one image-text model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.plugins import MethodSpec, TrainView, hookimpl, param
from gzslbench_methods.late import functional, nn
from gzslbench_methods.params import MethodParams

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ZeroShotClipParams(MethodParams):
    """What the cosines are multiplied by."""

    logit_scale: float = param(
        100.0, "factor of the cosines, 1 / temperature; it decides no rank, but the logits", above=0
    )


def scaled_cosines(features: Tensor, semantics: Tensor, logit_scale: float) -> Tensor:
    """``(n, d)`` features and ``(C, d)`` semantics to ``(n, C)`` logits (Radford et al. 2021)."""
    images, texts = (functional.normalize(rows, dim=1) for rows in (features, semantics))
    return logit_scale * images @ texts.t()


class ZeroShotClip:
    """Features and semantics as they are; the training rows are not used."""

    def __init__(self, view: TrainView, params: ZeroShotClipParams) -> None:
        self.params = params
        self.modules = nn.ModuleDict()

    def stages(self) -> tuple[()]:
        """None: there is nothing to train."""
        return ()

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Logits of ``(n, d)`` features for classes with the text embeddings ``(C, d)``."""
        return scaled_cosines(features, semantics, self.params.logit_scale)


SPEC = MethodSpec(
    name="zero-shot-clip",
    title="CLIP, zero-shot",
    paper="Radford et al.: Learning Transferable Visual Models From Natural Language Supervision, ICML 2021",
    url="https://arxiv.org/abs/2103.00020",
    params=ZeroShotClipParams,
    load="gzslbench_methods.zero_shot_clip:ZeroShotClip",
    plain="gzslbench_methods.zero_shot_clip.plain:PlainZeroShotClip",
    kind="scoring",
    preprocessing="none",
    shared_space=True,
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """Zero-shot CLIP."""
    return [SPEC]
