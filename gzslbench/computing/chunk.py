"""Work done in chunks, which shrink where memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from gzslbench.computing.account import told

_log = logging.getLogger(__name__)
T = TypeVar("T")
_SIGNS = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


def is_shortage(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on whatever device."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
    )


class Chunk:
    """How much is worked on at once: ``size``, in the unit of the work, halved at each shortage of memory."""

    def __init__(self, size: int, name: str = "chunk") -> None:
        self.size = size
        self.name = name
        self._shrunk = False

    def fit(self, work: Callable[[int], T], least: int = 1) -> T:
        """``work`` of the size, or of half of it, and so on.

        Args:
            work: Takes the size.
            least: The size below which a smaller one would change nothing.

        Raises:
            RuntimeError: Memory runs out even at the least size.
        """
        while True:
            if self._shrunk:
                told(self.name, f"{self.size}, for memory ran out")
            try:
                return work(self.size)
            except (RuntimeError, MemoryError) as error:
                if not is_shortage(error) or self.size <= least:
                    raise
            self._shrink(least)  # after the handler, whose traceback holds the tensors of the failed work

    def over(self, rows: Tensor, work: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
        """``work`` of one part of ``rows`` after another, each at most ``size`` rows.

        Raises:
            RuntimeError: Memory runs out even for a single row.
        """
        while len(rows):
            result = self.fit(partial(_of_first, work, rows))
            rows = rows[self.size :]
            yield result

    def _shrink(self, least: int) -> None:
        self.size = max(least, self.size // 2)
        _log.warning("memory ran out: %s is %d from here on", self.name, self.size)
        self._shrunk = True
        if torch.cuda.is_available() and not torch.cuda.is_current_stream_capturing():
            torch.cuda.empty_cache()


def _of_first(work: Callable[[Tensor], Tensor], rows: Tensor, size: int) -> Tensor:
    return work(rows[:size])
