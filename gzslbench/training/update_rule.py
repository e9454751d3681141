"""One optimizer of torch, and the moments it shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gzslbench.plugins.method import Adam, Optimizer, Sgd

Moments = defaultdict[type, defaultdict[Tensor, dict[str, Any]]]
"""By kind of optimizer and by parameter: what torch keeps of the steps so far."""


def no_moments() -> Moments:
    """Those of a stage before its first step."""
    return defaultdict(lambda: defaultdict(dict))


class UpdateRule:
    """Steps ``parameters``; what it remembers of each is in ``moments``, which other rules may step too."""

    def __init__(self, settings: Optimizer, parameters: Sequence[nn.Parameter], moments: Moments) -> None:
        self.settings = settings
        self.parameters = parameters
        self.rate = settings.lr
        self._rate_there = _tensor(settings.lr, parameters[0].device)
        self.moments = moments[type(settings)]
        self._torch = _torch_optimizer(settings, parameters, self._rate_there)
        self._torch.state = self.moments

    def set_factor(self, factor: float) -> None:
        """Let the learning rate be the settings' times ``factor``."""
        self._set_rate(self.settings.lr * factor)

    def step(self) -> None:
        """One step by the parameters' gradients; those without stay."""
        self._torch.step()

    def state_dict(self) -> dict[str, Any]:
        """The learning rate, and the moments by the parameters' order."""
        return {"rate": self.rate, "moments": [self.moments.get(p, {}) for p in self.parameters]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self._set_rate(state["rate"])
        for parameter, moments in zip(self.parameters, state["moments"], strict=True):
            if moments:
                self.moments[parameter] = {name: _own(value) for name, value in moments.items()}
            else:
                self.moments.pop(parameter, None)

    def _set_rate(self, rate: float) -> None:
        self.rate = rate
        self._rate_there.fill_(rate)


def _torch_optimizer(
    settings: Optimizer, parameters: Sequence[nn.Parameter], rate: Tensor
) -> torch.optim.Optimizer:
    fused = all(parameter.is_floating_point() for parameter in parameters)
    if isinstance(settings, Sgd):
        return torch.optim.SGD(
            parameters,
            lr=rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            fused=fused,
        )
    assert isinstance(settings, Adam)
    return torch.optim.Adam(
        parameters,
        lr=rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        amsgrad=settings.amsgrad,
        fused=fused,
        capturable=parameters[0].is_cuda,
    )


def _own(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _tensor(rate: float, device: torch.device) -> Tensor:
    """A learning rate where a captured step reads it anew; CUDA's fused Adam takes it in float32 alone."""
    return torch.tensor(rate, dtype=torch.float32 if device.type == "cuda" else torch.float64, device=device)
