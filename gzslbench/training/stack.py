"""The networks of several seeds in one piece of memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class Stack:
    """Parameters and buffers of the same name, one above the other; each seed's own become views of them.

    What a seed's optimizer writes is thereby in the stack, and what is written there is in its networks.

    Attributes:
        tensors: ``(S, ...)`` by name.
    """

    def __init__(self, networks: Sequence[nn.ModuleDict]) -> None:
        seeds = [dict([*each.named_parameters(), *each.named_buffers()]) for each in networks]
        self._own = {name: [tensors[name] for tensors in seeds] for name in seeds[0]}
        self.tensors = {
            name: torch.stack([each.data for each in own]).contiguous() for name, own in self._own.items()
        }
        for name, own in self._own.items():
            for tensor, row in zip(own, self.tensors[name].unbind(), strict=True):
                tensor.data = row

    def require_gradients(self) -> None:
        """Ask for gradients where the first seed's networks do."""
        for name, own in self._own.items():
            self.tensors[name].requires_grad_(own[0].requires_grad)

    def release(self) -> None:
        """Give each seed memory of its own again."""
        for own in self._own.values():
            for tensor in own:
                tensor.data = tensor.data.clone()
