"""ICIS (Christensen et al., ICCV 2023), written plainly.

a are the semantics of a class, w the weights and the bias of the seen classifier for it; E_a, D_a, E_w, D_w
are the encoders and decoders of both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.icis.method import Icis
from gzslbench_methods.plain import Batches, iterations, step


class PlainIcis(Icis):
    """The networks, stages and scores of ``Icis``, with the losses class by class."""

    def classifier_loss(self, batch: Batch) -> dict[str, Tensor]:
        """-E log softmax(W x + b)_y."""
        chances = torch.softmax(self.classifier(batch.features), dim=1)
        own = [row[y] for row, y in zip(chances, batch.labels.tolist(), strict=True)]
        return {"classifier": -torch.stack(own).log().mean()}

    def terms_of(self, chosen: Tensor) -> dict[str, Tensor]:
        """1 - cos of D_a(E_a(a)) and a, D_a(E_w(w)) and a, D_w(E_w(w)) and w, D_w(E_a(a)) and w.

        The first is a mean over all classes of the batch, the others over the seen ones; 0 without one.
        """
        terms: dict[str, list[Tensor]] = {
            "semantics": [],
            "semantics_from_weights": [],
            "weights": [],
            "weights_from_semantics": [],
        }
        for number in chosen.tolist():
            a = self.semantics[number]
            code = torch.relu(self.modules["encode_semantics"](a))
            terms["semantics"].append(1 - cosine(self.modules["decode_semantics"](code), a))
            if number < len(self.seen_semantics):
                w = torch.cat([self.classifier.weight[number], self.classifier.bias[number : number + 1]])
                w = w.detach()
                other = torch.relu(self.modules["encode_weights"](w))
                terms["semantics_from_weights"].append(1 - cosine(self.modules["decode_semantics"](other), a))
                terms["weights"].append(1 - cosine(self.modules["decode_weights"](other), w))
                terms["weights_from_semantics"].append(1 - cosine(self.modules["decode_weights"](code), w))
        nothing = self.semantics.new_zeros(())
        return {name: torch.stack(values).mean() if values else nothing for name, values in terms.items()}


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """Of the angle between two vectors."""
    found: Tensor = (one @ other) / (one.norm() * other.norm())
    return found


def train(method: PlainIcis, view: TrainView, batches: Batches) -> None:
    """Train the classifier by Adam on the rows, then the networks by Adam on the classes."""
    p, betas = method.params, (method.params.beta1, 0.999)
    adam = torch.optim.Adam(method.classifier.parameters(), p.classifier_lr, betas)
    stream = batches("classifier")
    for _ in range(p.classifier_epochs * iterations(view, p.classifier_batch_size)):
        step(adam, method.classifier_loss(next(stream)))
    networks = [
        parameter
        for name, module in method.modules.items()
        if name != "classifier"
        for parameter in module.parameters()
    ]
    adam = torch.optim.Adam(networks, p.lr, betas)
    stream = batches("injection")
    for _ in range(p.epochs * -(-len(method.semantics) // p.batch_size)):
        step(adam, method.injection_loss(next(stream)))
