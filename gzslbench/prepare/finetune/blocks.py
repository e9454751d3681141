"""Find the blocks of any network, to train only the last of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn


def find_blocks(network: nn.Module, image: Tensor) -> list[list[str]]:
    """Return the names of the modules of each block, in the order in which an image passes the blocks.

    A part that has more than half of all parameters is divided, and so are lists of modules. A part without
    a matrix or a kernel, such as a normalization, belongs to the block before it. Parts that compute nothing
    for the features of ``image``, ``(1, 3, h, w)``, such as a classifier that is cut off, are left out.
    """
    names = {module: name for name, module in network.named_modules()}
    order: dict[nn.Module, None] = {}
    parts = _parts(network, _size(network))
    handles = [part.register_forward_pre_hook(lambda module, _: order.setdefault(module)) for part in parts]
    with torch.no_grad():
        network(image)
    for handle in handles:
        handle.remove()
    blocks: list[list[str]] = []
    for module in order:
        if blocks and all(weight.ndim < 2 for weight in module.parameters()):
            blocks[-1].append(names[module])
        else:
            blocks.append([names[module]])
    return blocks


def _size(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def _parts(module: nn.Module, total: int) -> Iterator[nn.Module]:
    for child in module.children():
        size = _size(child)
        is_list = isinstance(child, nn.ModuleList | nn.Sequential)
        if size and (is_list or 2 * size > total) and any(_size(inner) for inner in child.children()):
            yield from _parts(child, total)
        elif size:
            yield child
