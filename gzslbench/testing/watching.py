"""Telling on a CPU what would make the host wait for a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
WAITING = (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default)


class Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the operators that on CUDA would make the host wait for the device.

    Attributes:
        waits: What was noted, a line each.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        indices = args[1] if func in (aten.index.Tensor, aten.index_put_.default) else ()
        if func in WAITING or any(index is not None and index.dtype == torch.bool for index in indices):
            self.waits.append(f"the host waits for {func}")
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        """The operator itself."""
        return func(*args, **kwargs)
