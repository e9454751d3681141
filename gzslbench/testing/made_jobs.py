"""Work for the checks of executors: functions that succeed, fail, die and hang as they are told."""

from __future__ import annotations

import os
import signal
import threading
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


def leave_files(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Reads ``before``, removes it, and leaves others in the folder that it is told."""
    folder = Path(argument["folder"])
    before = (folder / "before").read_text() if (folder / "before").exists() else None
    (folder / "before").unlink(missing_ok=True)
    (folder / "below").mkdir(exist_ok=True)
    (folder / "below" / "bytes").write_bytes(bytes(range(256)) * argument["times"])
    (folder / "first").write_text("half")
    (folder / "first").write_text("whole")
    return {"before": before, "name": folder.name}


def go_on(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Kills its own process after each of three steps, which a file in its folder counts."""
    file = Path(argument["folder"]) / "steps"
    steps = int(file.read_text()) if file.exists() else 0
    if steps < 3:
        file.write_text(str(steps + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return {"steps": steps}


def count_up(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Counts in a file of its folder, ten a second, from where it is up to ``until``, or until stopped."""
    file = Path(argument["folder"]) / "count"
    first = count = int(file.read_text()) if file.exists() else 0
    with catch_interruption() as stop:
        while count < argument["until"]:
            if stop():
                raise InterruptedRunError(f"saved at {count}", where=file)
            time.sleep(0.1)
            count += 1
            part = file.with_name(".part")
            part.write_text(str(count))
            part.replace(file)
    return {"first": first, "count": count, "where": str(file.parent)}


def add_up(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the sum of the array ``values["table"]`` and the title, then change the array if possible."""
    table = argument["values"]["table"]
    total, writeable = float(table.sum()), bool(table.flags.writeable)
    if writeable:
        table += 1
    return {"total": total, "title": argument["values"]["title"], "writeable": writeable}


def tell_limits(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """How many threads torch computes with here, and what it may see of the GPUs."""
    import torch

    return {"threads": torch.get_num_threads(), "devices": os.environ.get("CUDA_VISIBLE_DEVICES")}


def leave_a_thread(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answers at once, from a process that goes on for ``argument["seconds"]``."""
    threading.Thread(target=time.sleep, args=(argument["seconds"],)).start()
    return {"answered": True}


def answer_at_length(argument: Mapping[str, Any]) -> Mapping[str, Any]:
    """A result of many bytes."""
    return {"text": "x" * argument["length"]}
