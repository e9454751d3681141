"""The sums over pairs in plain operations: a chunk of pairs at a time, small enough to stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gzslbench.computing.memory import Chunk

CHUNKS = {
    "cpu": Chunk(1 << 18, "hidden units of pairs held at once"),
    "cuda": Chunk(1 << 26, "hidden units of pairs held at once"),
}


def maxima(left: Tensor, negated: Tensor, weight: Tensor) -> Tensor:
    """``(B, C)``: the sum over k of ``weight[k] * max(left[b, k], negated[c, k])``."""

    def work(size: int) -> Tensor:
        sums = left.new_empty(len(left), len(negated))
        for rows, columns, pairs in _blocks(left, negated, size):
            torch.maximum(left[rows, None], negated[columns], out=pairs)
            sums[rows, columns] = pairs @ weight
        return sums

    return _chunk(left).with_oom_backoff(work, least=left.shape[1])


def above(grad: Tensor, left: Tensor, negated: Tensor) -> Tensor:
    """``(B, H)``: the sum of ``grad[b, c]`` over the c whose ``negated[c, k]`` is below ``left[b, k]``."""

    def work(size: int) -> Tensor:
        sums = torch.zeros_like(left)
        for rows, columns, pairs in _blocks(left, negated, size):
            torch.gt(left[rows, None], negated[columns], out=pairs)
            sums[rows, None].baddbmm_(grad[rows, None, columns], pairs)
        return sums

    return _chunk(left).with_oom_backoff(work, least=left.shape[1])


def _chunk(left: Tensor) -> Chunk:
    return CHUNKS.get(left.device.type, CHUNKS["cuda"])


def _blocks(left: Tensor, right: Tensor, size: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """Blocks of pairs with a buffer for their hidden units, ``(rows, columns, H)`` of the same memory."""
    width = min(len(right), max(1, size // right.shape[1]))
    height = min(len(left), max(1, size // (width * right.shape[1])))
    buffer = left.new_empty(height * width, right.shape[1])
    for columns in _slices(len(right), width):
        for rows in _slices(len(left), height):
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            yield rows, columns, buffer[: shape[0] * shape[1]].view(*shape, -1)


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, length)) for start in range(0, length, step))
