"""The losses of an epoch, on their way from the device to the host."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gzslbench.errors import DivergedError


class EpochLosses:
    """Sums of loss terms over an epoch; on CUDA they are copied while the next epoch trains.

    ``means`` waits until they have ``arrived``. On a CPU the constructor checks that they are finite; on CUDA
    ``means`` does.
    """

    def __init__(self, sums: Mapping[str, Tensor], steps: Mapping[str, int], stage: str, epoch: int) -> None:
        """Start the copy to the host.

        Args:
            sums: By ``phase/term``, on the device.
            steps: Steps that a sum is over, by phase.
            stage: Name of the stage.
            epoch: Number of the epoch in the stage, from 1.

        Raises:
            DivergedError: A loss that is on the host already is NaN or infinite.
        """
        self.stage = stage
        self.epoch = epoch
        self._steps = {name: steps[name.partition("/")[0]] for name in sums}
        values = torch.stack(list(sums.values())) if sums else torch.empty(0)
        self._values, self._copied = _copy_to_host(values)
        if self._copied is None:
            self.means()

    @property
    def arrived(self) -> bool:
        """Whether ``means`` can return without waiting."""
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def means(self) -> dict[str, float]:
        """Return the mean over the epoch's steps by ``phase/term``.

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


def _copy_to_host(values: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
    """Copy ``values`` to the host; also return the event that ends the copy, None for values on a CPU."""
    if not values.is_cuda:
        return values, None
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(values.device))
    return host, copied
