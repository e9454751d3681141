"""Find, on a CPU, operators that would make the host wait for a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
SYNCHRONIZING = (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default)


class SyncDetector(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context that collects the operators that on CUDA would make the host wait for the device.

    Attributes:
        waits: A line for each of these operators.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # The size of what a boolean mask selects is known only on the device, so that the host waits.
        indices = args[1] if func in (aten.index.Tensor, aten.index_put_.default) else ()
        if func in SYNCHRONIZING or any(index is not None and index.dtype == torch.bool for index in indices):
            self.waits.append(f"the host waits for {func}")
        return self.call(func, args, kwargs or {})

    def call(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Call the operator; a subclass may do more."""
        return func(*args, **kwargs)
