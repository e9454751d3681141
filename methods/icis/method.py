"""ICIS (Christensen et al., ICCV 2023): weights of unseen classes, predicted without images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, ClassTransductiveView, Phase, Stage
from gzslbench_methods.icis import IcisParams
from gzslbench_methods.layers import linear, to_float32


def cosine_distance(rebuilt: Tensor, targets: Tensor) -> Tensor:
    """``(n, m)`` both, to ``(n,)`` 1 - cosine."""
    return 1 - functional.cosine_similarity(to_float32(rebuilt), to_float32(targets), dim=1)


def injection_terms(
    rebuilt: dict[str, Tensor], semantics: Tensor, weights: Tensor, seen: Tensor
) -> dict[str, Tensor]:
    """The four terms of the loss: semantics and weights, each rebuilt from both.

    Args:
        rebuilt: By "semantics", "semantics_from_weights", "weights", "weights_from_semantics": ``(B, a)`` or
            ``(B, d + 1)``.
        semantics: ``(B, a)`` of the classes of the batch.
        weights: ``(B, d + 1)`` weights and bias of these classes; what unseen classes have does not matter.
        seen: ``(B,)`` 1 for a seen class, else 0. Only semantics from semantics counts unseen classes.
    """
    terms = {"semantics": cosine_distance(rebuilt["semantics"], semantics).mean()}
    count = seen.sum().clamp(min=1)
    for name, target in (
        ("semantics_from_weights", semantics),
        ("weights", weights),
        ("weights_from_semantics", weights),
    ):
        terms[name] = (cosine_distance(rebuilt[name], target) * seen).sum() / count
    return terms


class Icis:
    """A linear classifier of the seen classes, then two autoencoders that share their codes."""

    def __init__(self, view: ClassTransductiveView, params: IcisParams) -> None:
        (classes, semantics), features = view.semantics.shape, view.features.shape[1]
        self.params = params
        self.seen_semantics = view.semantics
        unseen = view.unseen_semantics if params.include_unseen else view.unseen_semantics[:0]
        self.semantics = torch.cat([view.semantics, unseen])
        self.classifier = linear(features, classes)
        self.modules = nn.ModuleDict(
            {
                "classifier": self.classifier,
                "encode_semantics": linear(semantics, params.hidden),
                "decode_semantics": linear(params.hidden, semantics),
                "encode_weights": linear(features + 1, params.hidden),
                "decode_weights": linear(params.hidden, features + 1),
            }
        )

    def stages(self) -> tuple[Stage, Stage]:
        """The classifier on the training rows; then the networks, which see no row."""
        params, betas = self.params, (self.params.beta1, 0.999)
        classifier = Phase(
            "classifier", self.classifier_loss, ("classifier",), Adam(params.classifier_lr, betas)
        )
        networks = tuple(name for name in self.modules if name != "classifier")
        injection = Phase("injection", self.injection_loss, networks, Adam(params.lr, betas))
        return (
            Stage(
                "classifier",
                params.classifier_epochs,
                params.classifier_batch_size,
                (classifier,),
                sampling="pass",
            ),
            Stage(
                "injection",
                params.epochs,
                1,
                (injection,),
                iterations=(math.ceil(len(self.semantics) / params.batch_size),),
            ),
        )

    def classifier_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Softmax cross-entropy of the seen classes."""
        logits = to_float32(self.classifier(batch.features))
        return {"classifier": functional.cross_entropy(logits, batch.labels)}

    def injection_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Random classes; nothing of the batch but its random numbers is used."""
        count = min(self.params.batch_size, len(self.semantics))
        chosen = batch.uniform(len(self.semantics)).argsort()[:count]
        return self.terms_of(chosen)

    def terms_of(self, chosen: Tensor) -> dict[str, Tensor]:
        """The terms of the classes ``(B,)``, numbered as ``semantics``: seen ones first."""
        known = self.seen_weights()
        seen = (chosen < len(known)).to(known.dtype)
        weights = known.index_select(0, chosen.clamp(max=len(known) - 1)) * seen[:, None]
        semantics = self.semantics.index_select(0, chosen)
        of_semantics = functional.relu(self.modules["encode_semantics"](semantics))
        of_weights = functional.relu(self.modules["encode_weights"](weights))
        rebuilt = {
            "semantics": self.modules["decode_semantics"](of_semantics),
            "semantics_from_weights": self.modules["decode_semantics"](of_weights),
            "weights": self.modules["decode_weights"](of_weights),
            "weights_from_semantics": self.modules["decode_weights"](of_semantics),
        }
        return injection_terms(rebuilt, semantics, weights, seen)

    def seen_weights(self) -> Tensor:
        """``(S, d + 1)`` weights and bias of the seen classifier, without their gradients."""
        weight, bias = self.classifier.weight.detach(), self.classifier.bias.detach()
        return torch.cat([weight, bias[:, None]], dim=1)

    def predicted_weights(self, semantics: Tensor) -> Tensor:
        """``(C, a)`` semantics to ``(C, d + 1)`` weights and biases."""
        code = functional.relu(self.modules["encode_semantics"](semantics))
        weights: Tensor = self.modules["decode_weights"](code)
        if self.params.length == "seen":
            weights = functional.normalize(weights, dim=1) * self.seen_weights().norm(dim=1).mean()
        return weights

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Logits of ``(n, d)`` features: of the seen classifier for its classes, else of predicted weights.

        A class is seen if its ``(C, a)`` semantics are those of a seen class.
        """
        same = (semantics[:, None] == self.seen_semantics).all(-1)
        own = self.seen_weights()[same.int().argmax(1)]
        weights = torch.where(same.any(1, keepdim=True), own, self.predicted_weights(semantics))
        return features @ weights[:, :-1].t() + weights[:, -1]
