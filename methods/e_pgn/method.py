"""E-PGN (Yu et al., CVPR 2020): prototypes from semantics, trained in episodes that hold out classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Adam, Batch, HeldOut, Phase, Stage, TrainView
from gzslbench_methods.e_pgn import EpgnParams
from gzslbench_methods.layers import dropout, to_float32, uninitialized_linear

_SMALLEST = 1e-8
_MSE_WEIGHT = 1e-3


def small_linear(inputs: int, outputs: int) -> nn.Linear:
    """Make a linear layer as published: a normal with deviation 0.01 cut at 0.02, biases 0.01."""
    layer = uninitialized_linear(inputs, outputs)
    nn.init.trunc_normal_(layer.weight, std=0.01, a=-0.02, b=0.02)
    nn.init.constant_(layer.bias, 0.01)
    return layer


def squared_distances(features: Tensor, prototypes: Tensor) -> Tensor:
    """``(B, d)`` features and ``(C, d)`` prototypes to ``(B, C)`` squared differences, averaged over d."""
    features, prototypes = to_float32(features), to_float32(prototypes)
    lengths = features.square().sum(1)[:, None] + prototypes.square().sum(1)
    return (lengths - 2 * features @ prototypes.t()) / features.shape[1]


def refining_loss(features: Tensor, prototypes: Tensor, labels: Tensor, over: str) -> Tensor:
    """Mean surprise at a row's class, where a class is the likelier, the nearer its prototype is.

    Args:
        features: ``(B, d)`` of held-out classes.
        prototypes: ``(C, d)`` of all seen classes.
        labels: ``(B,)`` in 0..C-1.
        over: "classes" compares the prototypes for each row, "rows" the rows for each prototype.
    """
    logits = -squared_distances(features, prototypes)
    chances = logits.log_softmax(1 if over == "classes" else 0)
    return -chances.gather(1, labels[:, None]).mean()


def log_magnitude(values: Tensor) -> Tensor:
    """Return log |v|, with |v| at least 1e-8.

    Its gradient is that of log v, also where v is negative and the published program has NaN as the loss.
    """
    return to_float32(values).abs().clamp(min=_SMALLEST).log()


class Inference(nn.Module):
    """F(x): features -> hidden, tanh or ReLU, dropout -> semantics, ReLU."""

    def __init__(self, features: int, semantics: int, params: EpgnParams) -> None:
        super().__init__()
        self.first = small_linear(features, params.hidden)
        self.second = small_linear(params.hidden, semantics)
        self.params = params

    def forward(self, features: Tensor, batch: Batch) -> Tensor:
        """``(B, d)`` features to ``(B, a)`` semantics >= 0."""
        hidden = self.first(features)
        hidden = torch.tanh(hidden) if self.params.activation == "tanh" else torch.relu(hidden)
        return torch.relu(self.second(dropout(hidden, self.params.dropout, batch)))


class Discriminator(nn.Module):
    """D(x, a): [features; semantics] -> hidden, ReLU, dropout -> score."""

    def __init__(self, features: int, semantics: int, params: EpgnParams) -> None:
        super().__init__()
        self.first = small_linear(features + semantics, params.critic_hidden)
        self.second = small_linear(params.critic_hidden, 1)
        self.rate = params.critic_dropout

    def forward(self, features: Tensor, semantics: Tensor, batch: Batch) -> Tensor:
        """``(B, d)`` features and ``(B, a)`` semantics to ``(B,)`` scores."""
        hidden = torch.relu(self.first(torch.cat([features, semantics], dim=1)))
        scores: Tensor = self.second(dropout(hidden, self.rate, batch)).squeeze(1)
        return to_float32(scores)


class Epgn:
    """A prototype network and an inference network, adversarial and refined on held-out classes."""

    def __init__(self, view: TrainView, params: EpgnParams) -> None:
        features, semantics = view.features.shape[1], view.semantics.shape[1]
        self.params = params
        self.semantics = view.semantics
        self.prototypes = nn.Sequential(
            small_linear(semantics, params.hidden),
            nn.Tanh(),
            small_linear(params.hidden, features),
            nn.ReLU(),
        )
        self.inference = Inference(features, semantics, params)
        count = 2 if params.variant == "reference" else 1
        discriminators = [Discriminator(features, semantics, params) for _ in range(count)]
        self.of_real, self.of_fake = discriminators[0], discriminators[-1]
        self.modules = nn.ModuleDict(
            {
                "prototypes": self.prototypes,
                "inference": self.inference,
                "discriminators": nn.ModuleList(discriminators),
            }
        )

    def stages(self) -> tuple[Stage]:
        """Each epoch: episodes without the held-out classes, then refining steps on them."""
        params = self.params
        both = ("prototypes", "inference")
        judges = ("discriminators",)
        reference = params.variant == "reference"
        moved_by_critic, moved_by_adversary = (both + judges,) * 2 if reference else (judges, both)
        adam, slower = Adam(params.lr), Adam(params.lr * params.refine_factor)
        phases = (
            Phase("base", self.base_loss, both, adam, loop=0, own_moments=True),
            Phase(
                "discriminator",
                self.discriminator_loss,
                moved_by_critic,
                adam,
                loop=0,
                fresh_batch=False,
                own_moments=True,
            ),
            Phase(
                "adversary",
                self.adversary_loss,
                moved_by_adversary,
                adam,
                loop=0,
                fresh_batch=False,
                own_moments=True,
            ),
            Phase(
                "refine",
                self.refine_loss,
                ("prototypes",),
                slower,
                loop=1,
                held_out=True,
                own_moments=True,
            ),
        )
        return (
            Stage(
                "episodes",
                params.epochs,
                params.batch_size,
                phases,
                sampling=HeldOut(params.held_out_classes, params.refine_rows),
                loops=2,
                iterations=(params.episodes, params.inner_loop),
            ),
        )

    def base_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Reconstruction and classification, in the space of the features and in that of the semantics."""
        prototypes = self.prototypes(self.semantics)
        inferred = self.inference(batch.features, batch)
        labels, own = batch.labels, self.semantics.index_select(0, batch.labels)
        logits = batch.features @ prototypes.t()
        return {
            "features": functional.mse_loss(to_float32(_rows(prototypes, labels)), batch.features),
            "semantics": functional.mse_loss(to_float32(inferred), own),
            "class": functional.cross_entropy(to_float32(logits), labels),
            "class_by_semantics": functional.cross_entropy(to_float32(inferred @ self.semantics.t()), labels),
        }

    def discriminator_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Tell pairs of a feature and its class's semantics from pairs of a prototype and inferred ones."""
        real, fake, _ = self._judge(batch)
        if self.params.variant == "clean":
            return {"real": functional.softplus(-real).mean(), "fake": functional.softplus(fake).mean()}
        return {"real": -log_magnitude(real).mean(), "fake": -log_magnitude(1 - fake).mean()}

    def adversary_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Pairs of a prototype and inferred semantics should pass for real ones.

        The published program adds the logarithm of a mixture of the squared error and the real score.
        """
        real, fake, prototypes = self._judge(batch)
        if self.params.variant == "clean":
            return {"fake": functional.softplus(-fake).mean()}
        error = (batch.features - to_float32(prototypes)).square().sum(1)
        mixture = _MSE_WEIGHT * (error + log_magnitude(real)).mean()
        return {"fake": -log_magnitude(fake).mean(), "mixture": log_magnitude(mixture)}

    def refine_loss(self, batch: Batch) -> dict[str, Tensor]:
        """Rows of held-out classes among the prototypes of all seen classes, by distance."""
        prototypes = self.prototypes(self.semantics)
        return {"distance": refining_loss(batch.features, prototypes, batch.labels, self.params.refine_over)}

    def scores(self, features: Tensor, semantics: Tensor) -> Tensor:
        """Minus the distance of ``(n, d)`` features to the prototypes of ``(C, a)`` semantics."""
        return -torch.cdist(features, self.prototypes(semantics))

    def _judge(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scores of the real pairs and of the fake ones, and the prototype of each row."""
        own = self.semantics.index_select(0, batch.labels)
        prototypes = _rows(self.prototypes(self.semantics), batch.labels)
        inferred = self.inference(batch.features, batch)
        real = self.of_real(batch.features, own, batch)
        fake = self.of_fake(prototypes, inferred, batch)
        if self.params.variant == "reference":
            real, fake = torch.relu(real), torch.relu(fake)
        return real, fake, prototypes


def _rows(by_class: Tensor, labels: Tensor) -> Tensor:
    """The rows of the labels; their gradients are summed in float32."""
    return to_float32(by_class).index_select(0, labels).to(by_class.dtype)
