"""Find the blocks of any network, to train only the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


def find_blocks(network: nn.Module, image: Tensor) -> list[list[str]]:
    """Return the names of the modules of each block, in the order in which an image passes the blocks.

    A part that has more than half of the weights is divided, and so are lists of modules. A part without a
    matrix or a kernel, such as a normalization, belongs to the block before it. Parts that compute nothing
    for the features of ``image``, ``(1, 3, h, w)``, do not count: a classifier that is cut off, a text tower.
    """
    called: dict[nn.Module, None] = {}
    handles = [
        module.register_forward_pre_hook(lambda module, _: called.setdefault(module))
        for module in network.modules()
    ]
    with torch.no_grad():
        network(image)
    for handle in handles:
        handle.remove()
    sizes = {
        module: sum(
            weight.numel()
            for part in module.modules()
            for weight in part.parameters(recurse=False)
            if part in called
        )
        for module in network.modules()
    }
    names, parts = {module: name for name, module in network.named_modules()}, {*_parts(network, sizes)}
    blocks: list[list[str]] = []
    for module in [module for module in called if module in parts]:
        if blocks and all(weight.ndim < 2 for weight in module.parameters()):
            blocks[-1].append(names[module])
        else:
            blocks.append([names[module]])
    return blocks


def _parts(network: nn.Module, sizes: Mapping[nn.Module, int], total: int = 0) -> Iterator[nn.Module]:
    total = total or sizes[network]
    for child in network.children():
        is_large = isinstance(child, nn.ModuleList | nn.Sequential) or 2 * sizes[child] > total
        if is_large and any(sizes[inner] for inner in child.children()):
            yield from _parts(child, sizes, total)
        elif sizes[child]:
            yield child
