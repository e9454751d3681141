"""APN (Xu et al., NeurIPS 2020) on given regions: a map of the image, and prototypes found anywhere in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, Phase, Stage, TrainView
from gzslbench_methods.apn import ApnParams
from gzslbench_methods.layers import to_float32
from gzslbench_methods.regions import arrange

EPSILON = 1e-8
"""Added to the sum of squares of each channel, so that its root has a gradient at 0."""


class Prototypes(nn.Module):
    """What each attribute looks like, twice.

    Attributes:
        of_image: ``(a, d)``, v_i: the map of the whole image.
        of_place: ``(a, d)``, p_i: the prototypes, which are found in one region.
        distances: ``(R, R)``, squared distances of the regions' places in their grid.
        members: ``(g, a)``, 1 where an attribute belongs to a group.
    """

    def __init__(self, regions: int, features: int, members: Tensor) -> None:
        super().__init__()
        attributes = members.shape[1]
        self.of_image = nn.Parameter(2e-4 * torch.rand(attributes, features))
        self.of_place = nn.Parameter(2e-4 * torch.rand(attributes, features))
        columns = arrange(regions)[1]
        numbers = torch.arange(regions)
        places = torch.stack([numbers // columns, numbers % columns], dim=1)
        between = (places[:, None] - places).square().sum(dim=2).to(self.of_image.dtype)
        self.distances: Tensor
        self.members: Tensor
        self.register_buffer("distances", between, persistent=False)
        self.register_buffer("members", members.to(self.of_image.dtype), persistent=False)

    def find(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, R, d)`` regions to what the map and the prototypes find of each attribute, ``(B, R, a)``."""
        products = to_float32(regions @ torch.cat([self.of_image, self.of_place]).t())
        of_image, of_place = products.chunk(2, dim=2)
        return of_image, of_place

    def spread(self, found: Tensor) -> Tensor:
        """Sum of sigmoids of ``(B, R, a)``, what is found, times squared distances to where it is most."""
        peaks = found.argmax(dim=1)
        distances = self.distances.index_select(0, peaks.flatten()).view(*peaks.shape, -1)
        return (found.sigmoid() * distances.transpose(1, 2)).sum()

    def norms(self, weights: Tensor, by_channel: bool) -> Tensor:
        """Sum of the norms of all groups of attributes in ``(a, d)`` weights, whole or in each channel."""
        squares = self.members @ weights.square() + EPSILON
        return (squares if by_channel else squares.sum(dim=1)).sqrt().sum()


def group_by_name(names: tuple[str, ...], attributes: int) -> Tensor:
    """Return ``(g, a)`` groups of names with the same text before ``::``; one group if there are no names."""
    keys = [name.partition("::")[0] for name in names] or [""] * attributes
    order = list(dict.fromkeys(keys))
    return torch.tensor([[key == group for key in keys] for group in order])


class Apn:
    """A map and prototypes, both trained to classify among seen classes and to regress their semantics."""

    def __init__(self, view: TrainView, params: ApnParams) -> None:
        self.params = params
        self.semantics = view.semantics
        members = group_by_name(view.attribute_names, view.semantics.shape[1])
        self.prototypes = Prototypes(view.features.shape[1], view.features.shape[2], members)
        self.modules = nn.ModuleDict({"prototypes": self.prototypes})

    def stages(self) -> tuple[Stage]:
        """One stage of passes over the rows."""
        p = self.params
        adam = Adam(p.lr, betas=(p.beta1, 0.999))
        phase = Phase("prototypes", self.prototype_loss, updates=("prototypes",), optimizer=adam)
        return (Stage("prototypes", p.epochs, p.batch_size, (phase,), sampling="pass"),)

    def prototype_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Classification, regression and norms of the map and of the prototypes, and their compactness."""
        p, clean = self.params, self.params.variant == "clean"
        of_image, of_place = self.prototypes.find(batch.features)
        attributes, local = self.pool(of_image, of_place)
        targets = self.semantics.index_select(0, batch.labels)
        losses = []
        for found in (attributes, local):
            scores = to_float32(found @ self.semantics.t())
            losses.append(functional.cross_entropy(scores if clean else scores.softmax(1), batch.labels))
        return {
            "class": losses[0],
            "regression": p.regression * functional.mse_loss(attributes, targets),
            "groups": p.groups * self.prototypes.norms(self.prototypes.of_image, by_channel=clean),
            "local class": p.local_class * losses[1],
            "local regression": p.local_regression * functional.mse_loss(local, targets),
            "local groups": p.local_groups
            * self.prototypes.norms(self.prototypes.of_place, by_channel=clean),
            "compactness": p.compactness * self.prototypes.spread(of_place),
        }

    def pool(self, of_image: Tensor, of_place: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, R, a)`` of each region to ``(B, a)`` of the image, by the map and by the prototypes."""
        pooled = of_image.amax(dim=1) if self.params.pooling == "max" else of_image.mean(dim=1)
        return pooled, of_place.amax(dim=1)

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Probabilities of the given classes, by both, less a penalty for semantics of a seen class."""
        p = self.params
        attributes, local = self.pool(*self.prototypes.find(features))
        of_image, of_place = ((each @ semantics.t()).softmax(dim=1) for each in (attributes, local))
        seen = (semantics[:, None] == self.semantics).all(-1).any(1)
        mixed: Tensor = (1 - p.local_share) * of_image + p.local_share * of_place
        return mixed - torch.where(seen, p.seen_penalty, 0.0)
