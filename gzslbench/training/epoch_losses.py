"""The losses of an epoch, on their way from the device to the host."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gzslbench.errors import DivergedError


class EpochLosses:
    """Sums of loss terms over an epoch; on CUDA they are copied while the next epoch trains.

    Whoever asks for ``means`` before they have ``arrived`` waits for them.
    """

    def __init__(self, sums: Mapping[str, Tensor], steps: Mapping[str, int], stage: str, epoch: int) -> None:
        """Send them off.

        Args:
            sums: By ``phase/term``, on the device.
            steps: By phase, how many a sum is of.
            stage: Whose epoch it is.
            epoch: Its number in the stage, from 1.
        """
        self.stage = stage
        self.epoch = epoch
        self._steps = {name: steps[name.partition("/")[0]] for name in sums}
        values = torch.stack(list(sums.values())) if sums else torch.empty(0)
        self._copied: torch.cuda.Event | None = None
        if values.is_cuda:
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            values = host.copy_(values, non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()
        self._values = values

    @property
    def arrived(self) -> bool:
        """Whether ``means`` has nothing to wait for."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def __eq__(self, other: object) -> bool:
        """Whether ``other`` holds the same sums of the same epoch; waits for both."""
        return isinstance(other, EpochLosses) and self._held() == other._held()

    def means(self) -> dict[str, float]:
        """The mean over the epoch's steps by ``phase/term``.

        Raises:
            DivergedError: A loss is NaN or infinite.
        """
        stage, epoch, sums = self._held()
        for name, value in sums.items():
            if not math.isfinite(value):
                raise DivergedError(name, value, stage, epoch)
        return {name: value / self._steps[name] for name, value in sums.items()}

    def _held(self) -> tuple[str, int, dict[str, float]]:
        if self._copied is not None:
            self._copied.synchronize()
        return self.stage, self.epoch, dict(zip(self._steps, self._values.tolist(), strict=True))
