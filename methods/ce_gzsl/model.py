"""CE-GZSL's own networks; generator and critic are the family's (``gzslbench_methods.wgan``)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gzslbench_methods.ce_gzsl.pairs import pair_scores
from gzslbench_methods.linear import linear
from gzslbench_methods.precision import full


class Embedding(nn.Module):
    """E: features -> h, ReLU; H: h -> z of unit length, for the instance loss."""

    def __init__(self, features: int, embedding: int, projection: int) -> None:
        super().__init__()
        self.to_hidden = linear(features, embedding)
        self.to_projection = linear(embedding, projection)

    def hidden(self, features: Tensor) -> Tensor:
        """``(B, d)`` features to ``(B, e)`` h >= 0."""
        return functional.relu(self.to_hidden(features))

    def project(self, hidden: Tensor) -> Tensor:
        """``(B, e)`` h to ``(B, outz)`` z of unit length."""
        return functional.normalize(full(self.to_projection(hidden)), dim=1)


class Comparator(nn.Module):
    """F(h, a): [h; semantics] -> hidden, LeakyReLU -> relevance score.

    The score has no bias: the softmax over the classes would cancel it.
    """

    def __init__(self, embedding: int, semantics: int, hidden: int) -> None:
        super().__init__()
        self.from_embedding = linear(embedding, hidden, bias=False)
        self.from_semantics = linear(semantics, hidden)
        self.out = linear(hidden, 1, bias=False)

    def forward(self, hidden: Tensor, semantics: Tensor) -> Tensor:
        """``(B, e)`` h and ``(C, a)`` semantics to the ``(B, C)`` scores of all pairs."""
        return pair_scores(self.from_embedding(hidden), self.from_semantics(semantics), self.out.weight[0])
