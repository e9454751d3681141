"""Work for the checks of executors: functions that succeed, fail, die and hang as they are told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gzslbench.errors import ExecutorError, InterruptedRunError
from gzslbench.training.interruption import catch_interruption


def square(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """The square of ``number`` after ``seconds``, and the process that computed it."""
    time.sleep(argument.get("seconds", 0))
    return {"square": argument["number"] ** 2, "process": os.getpid()}


def raise_a_bug(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises what no caller expects."""
    raise ZeroDivisionError(f"job {argument['number']}")


def raise_an_error(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises what a user can mend."""
    raise ExecutorError("nothing can be done", where=str(argument["number"]), fix="change it")


def die(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kills its own process, each time."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def die_once(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kills its own process unless ``marker``, a file that all attempts see, is there."""
    marker = Path(argument["marker"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": argument["number"] ** 2}


def hang(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Sleeps for a minute, whoever asks it to stop."""
    with catch_interruption():
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            time.sleep(0.05)
    return {}


def work_until_stopped(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Writes ``marker`` when asked to stop, as a run saves its checkpoint."""
    with catch_interruption() as stop:
        Path(argument["begun"]).touch()
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            if stop():
                Path(argument["marker"]).touch()
                raise InterruptedRunError("saved", where=argument["marker"])
            time.sleep(0.05)
    return {}


def tell_limits(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """How many threads torch computes with here, and what it may see of the GPUs."""
    import torch

    return {"threads": torch.get_num_threads(), "devices": os.environ.get("CUDA_VISIBLE_DEVICES")}


def answer_at_length(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """A result of many bytes."""
    return {"text": "x" * argument["length"]}
