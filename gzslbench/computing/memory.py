"""Running out of memory, told as something to mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from gzslbench.computing.allocator import freed_memory_kept
from gzslbench.computing.chunk import is_shortage
from gzslbench.errors import DeviceError


@contextmanager
def memory_of_a_run(device: torch.device | str) -> Iterator[None]:
    """Inside, memory freed by a run on a CPU stays with the process, and a shortage is explained.

    Raises:
        DeviceError: Memory ran out.
    """
    on_cpu = torch.device(device).type == "cpu"
    with freed_memory_kept() if on_cpu else nullcontext(), explained_shortage():
        yield


@contextmanager
def explained_shortage() -> Iterator[None]:
    """Turn an allocation that failed inside into an error that names what to lower.

    Raises:
        DeviceError: Memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_shortage(error):
            raise
        raise _shortage(error) from error


def _shortage(error: BaseException) -> DeviceError:
    return DeviceError(
        f"memory ran out: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        where="training or evaluation",
        fix="lower --set batch_size=…, syn_num=… or the widths (see `gzslbench methods NAME`)",
    )
