"""What the plain forms of several methods share.

Each method's ``plain.py`` computes its losses as the paper writes them, by autograd alone and without any
trick, and trains with a loop of its own. It is what a reader compares with the paper, the oracle of
``method.py`` in the tests, and the published form in the speed programs. ``--set form=plain`` trains with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gzslbench.plugins import Batch, TrainView
from gzslbench_methods.layers import SLOPE, Compatibility
from gzslbench_methods.wgan import Critic, Generator

Batches = Callable[[str], Iterator[Batch]]
"""Maps the name of a stage to its batches, without end."""


def iterations(view: TrainView, batch_size: int) -> int:
    """Return the iterations of an epoch: ceil(N / B)."""
    return math.ceil(len(view.labels) / min(batch_size, len(view.labels)))


def step(
    optimizers: torch.optim.Optimizer | Sequence[torch.optim.Optimizer],
    terms: Mapping[str, Tensor],
    kept: Iterable[nn.Parameter] = (),
) -> None:
    """Take one step of the optimizers' parameters down the gradient of the sum of ``terms``.

    Other parameters get no gradient, as if they were frozen.

    Args:
        optimizers: All step on gradients at the same weights.
        terms: The loss.
        kept: Parameters whose gradients add up; the caller sets their ``grad`` to None where they end.
    """
    optimizers = [optimizers] if isinstance(optimizers, torch.optim.Optimizer) else optimizers
    parameters = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    loss = torch.stack(list(terms.values())).sum()
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    adding = {id(parameter) for parameter in kept}
    for parameter, gradient in zip(parameters, gradients, strict=True):
        earlier = parameter.grad if id(parameter) in adding else None
        parameter.grad = gradient if earlier is None else earlier if gradient is None else earlier + gradient
    for optimizer in optimizers:
        optimizer.step()


def pair(first: nn.Linear, second: nn.Linear, x: Tensor, c: Tensor) -> Tensor:
    """Return W [x; c] + b, for the layer whose columns for x and for c lie in two layers.

    Args:
        first: The columns for x, without a bias.
        second: The columns for c, and the bias.
        x: ``(B, d)``.
        c: ``(B, a)``.
    """
    weight = torch.cat([first.weight, second.weight], dim=1)
    return functional.linear(torch.cat([x, c], dim=1), weight, second.bias)


def generate(generator: Generator, z: Tensor, c: Tensor) -> Tensor:
    """G(z, c) = ReLU(W2 LeakyReLU(W1 [z; c] + b1) + b2): ``(B, nz)`` and ``(B, a)`` to ``(B, d)``."""
    hidden = functional.leaky_relu(pair(generator.from_noise, generator.from_semantics, z, c), SLOPE)
    return functional.relu(generator.out(hidden))


def criticise(critic: Critic, x: Tensor, c: Tensor) -> Tensor:
    """D(x, c) = w LeakyReLU(W [x; c] + b): ``(B, d)`` and ``(B, a)`` to ``(B,)`` scores."""
    hidden = functional.leaky_relu(pair(critic.from_features, critic.from_semantics, x, c), SLOPE)
    scores: Tensor = critic.out(hidden).squeeze(1)
    return scores


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, c: Tensor, mix: Tensor) -> Tensor:
    """E (‖∇ D(x̂, c)‖ - 1)² at x̂ = α x + (1 - α) x̃ (Gulrajani et al. 2017), differentiated twice.

    Args:
        critic: D.
        real: ``(B, d)``, x.
        fake: ``(B, d)``, x̃.
        c: ``(B, a)`` semantics of the rows.
        mix: ``(B, 1)`` in [0, 1), α.
    """
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    scores = criticise(critic, between, c)
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    penalty: Tensor = (gradient.norm(dim=1) - 1).square().mean()
    return penalty


def map_feature(layer: Compatibility, x: Tensor) -> Tensor:
    """θ(x)ᵀ W, ``(a,)``, of one feature ``(d,)``.

    θ(x) is x at length 1, x by the means and deviations of the training rows, or x itself, as
    ``normalization`` says.
    """
    if layer.normalization == "l2":
        x = functional.normalize(x, dim=0)
    elif layer.normalization == "standardize":
        x = (x - layer.mean) / layer.deviation
    return x @ layer.to_semantics.weight.t()


def compatibility(layer: Compatibility, x: Tensor, a: Tensor) -> Tensor:
    """F(x, a) = θ(x)ᵀ W a, of one feature ``(d,)`` and the semantics ``(a,)`` of one class."""
    return map_feature(layer, x) @ a
