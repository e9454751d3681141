"""A third party's method in one file: the nearest mean, the means predicted from the semantics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gzslbench.hooks import hookimpl
from gzslbench.method import MethodSpec, Stage
from gzslbench.params import Params, param

if TYPE_CHECKING:
    from torch import Tensor

    from gzslbench.data.views import TrainView


@dataclass(frozen=True)
class NearestMeanParams(Params):
    """One parameter."""

    ridge: float = param(0.01, "penalty on the map from semantics to means", above=0)


class NearestMean:
    """Ridge regression from the seen classes' semantics to the means of their features."""

    def __init__(self, view: TrainView, params: NearestMeanParams) -> None:
        import torch
        from torch import nn

        count, width = view.semantics.shape
        member = nn.functional.one_hot(view.labels, count).to(view.features.dtype)
        means = member.T @ view.features / member.sum(0)[:, None]
        gram = view.semantics.T @ view.semantics + params.ridge * torch.eye(width, device=means.device)
        regression = nn.Linear(width, means.shape[1], bias=False)
        regression.weight.data = torch.linalg.solve(gram, view.semantics.T @ means).T
        self.modules = nn.ModuleDict({"regression": regression})

    def stages(self) -> Sequence[Stage]:
        """None: the constructor has solved it."""
        return ()

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Minus the distance of each feature to each predicted mean."""
        import torch

        return -torch.cdist(features, self.modules["regression"](semantics))


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """The one method."""
    return [
        MethodSpec(
            name="nearest-mean",
            title="Nearest mean",
            paper="a test of gzslbench",
            url="https://example.org",
            params=NearestMeanParams,
            load="gzslbench_nearest_mean:NearestMean",
            kind="scoring",
        )
    ]
