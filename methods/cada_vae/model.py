"""CADA-VAE's encoders and decoders."""

from __future__ import annotations

from torch import Tensor, nn

_GAIN = 0.5


def layer(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with uniform Xavier weights at half gain and zero bias, as published."""
    linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
    nn.init.xavier_uniform_(linear.weight, gain=_GAIN)
    nn.init.zeros_(linear.bias)
    return linear


class Encoder(nn.Module):
    """To the mean and the logarithm of the variance of a normal distribution in the latent space."""

    def __init__(self, inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(layer(inputs, hidden), nn.ReLU())
        self.mean = layer(hidden, latent)
        self.log_variance = layer(hidden, latent)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """``(n, inputs)`` to ``(n, latent)`` means and ``(n, latent)`` log variances."""
        hidden = self.hidden(rows)
        return self.mean(hidden), self.log_variance(hidden)


def decoder(latent: int, hidden: int, outputs: int) -> nn.Sequential:
    """From ``(n, latent)`` rows to ``(n, outputs)``."""
    return nn.Sequential(layer(latent, hidden), nn.ReLU(), layer(hidden, outputs))


def drawn(mean: Tensor, log_variance: Tensor, noise: Tensor, variant: str) -> Tensor:
    """``(n, latent)`` rows of the distributions, from ``noise_width`` columns of normal noise."""
    power = 1.0 if variant == "reference" else 0.5
    return mean + (power * log_variance).exp() * noise


def noise_width(latent: int, variant: str) -> int:
    """Normal numbers a row: one for all dimensions, or one for each."""
    return 1 if variant == "reference" else latent
