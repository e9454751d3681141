"""LisGAN's second stage: the head is fitted further on its most confident test rows, with its labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.special import entr

from gzslbench.evaluation.softmax_head import SoftmaxHead, fit_softmax_head
from gzslbench.plugins import HeadData, HeadSettings
from gzslbench_methods.heads.lisgan_transductive import LisGanTransductiveParams


class LisGanTransductive:
    """The softmax head, fitted twice; a ``gzslbench.plugins.head.Head`` that sees unlabelled test rows."""

    def __init__(self, params: LisGanTransductiveParams) -> None:
        self.params = params

    def settings(self, of_method: HeadSettings) -> HeadSettings:
        """The method's own, for as many epochs more."""
        return replace(of_method, epochs=of_method.epochs + self.params.second_epochs)

    def fit(
        self, rows: HeadData, settings: HeadSettings, epochs: int, generator: torch.Generator, graphs: bool
    ) -> Iterator[SoftmaxHead]:
        """The inductive head's epochs, then those with the added rows; without unlabelled rows the former."""
        unlabelled = rows.unlabelled
        first = settings.epochs - self.params.second_epochs
        first = epochs if unlabelled is None else min(epochs, first)

        def stage(
            features: Tensor, labels: Tensor, length: int, start: SoftmaxHead | None
        ) -> Iterator[SoftmaxHead]:
            classes = len(rows.seen)
            return fit_softmax_head(features, labels, classes, settings, length, generator, graphs, start)

        for fitted in stage(rows.features, rows.labels, first, None):
            head = fitted
            yield head
        if unlabelled is not None and first < epochs:
            chosen, labels = self._surest(head, unlabelled)
            features = torch.cat([rows.features, unlabelled[chosen]])
            yield from stage(features, torch.cat([rows.labels, labels]), epochs - first, head)

    def _surest(self, head: SoftmaxHead, unlabelled: Tensor) -> tuple[Tensor, Tensor]:
        """Positions of the rows of lowest entropy, and the labels that the head gives them."""
        probabilities = torch.softmax(head.scores(unlabelled), dim=1)
        count = int(self.params.ratio * len(unlabelled))
        chosen = entr(probabilities).sum(1).argsort(stable=True)[:count]
        return chosen, probabilities[chosen].argmax(1)
