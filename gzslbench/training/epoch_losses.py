"""The losses of an epoch, on their way from the device to the host."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gzslbench.errors import DivergedError


class EpochLosses:
    """Sums of loss terms over an epoch; on CUDA they are copied while the next epoch trains.

    Whoever asks for ``means`` before they have ``arrived`` waits for them. Whether they are numbers is known
    at once where they are on the host already, and else when they are asked for.
    """

    def __init__(self, sums: Mapping[str, Tensor], steps: Mapping[str, int], stage: str, epoch: int) -> None:
        """Send them off.

        Args:
            sums: By ``phase/term``, on the device.
            steps: By phase, how many a sum is of.
            stage: Whose epoch it is.
            epoch: Its number in the stage, from 1.

        Raises:
            DivergedError: One that is on the host is NaN or infinite.
        """
        self.stage = stage
        self.epoch = epoch
        self._steps = {name: steps[name.partition("/")[0]] for name in sums}
        self._values, self._copied = _sent(torch.stack(list(sums.values())) if sums else torch.empty(0))
        if self._copied is None:
            self.means()

    @property
    def arrived(self) -> bool:
        """Whether ``means`` has nothing to wait for."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def means(self) -> dict[str, float]:
        """The mean over the epoch's steps by ``phase/term``.

        Raises:
            DivergedError: A loss is NaN or infinite.
        """
        if self._copied is not None:
            self._copied.synchronize()
        sums = dict(zip(self._steps, self._values.tolist(), strict=True))
        for name, value in sums.items():
            if not math.isfinite(value):
                raise DivergedError(name, value, self.stage, self.epoch)
        return {name: value / self._steps[name] for name, value in sums.items()}


def _sent(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """``values`` on the host, and the event after which they are there; None where they are already."""
    if not values.is_cuda:
        return values, None
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(values.device))
    return host, copied
