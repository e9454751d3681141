"""Functions of jobs for the tests of executors: they succeed, fail, die and hang on request."""

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

Argument = Mapping[str, Any]


def square(argument: Argument) -> Argument:
    """Return the square of ``number`` after ``seconds``, and the id of the process."""
    time.sleep(argument.get("seconds", 0))
    return {"square": argument["number"] ** 2, "process": os.getpid()}


def raise_bug(argument: Argument) -> Argument:
    """Raise an exception that no caller expects."""
    raise ZeroDivisionError(f"job {argument['number']}")


def raise_error(argument: Argument) -> Argument:
    """Raise an error that the user can fix."""
    raise ExecutorError("nothing can be done", where=str(argument["number"]), fix="change it")


def die(argument: Argument) -> Argument:
    """Kill its own process; with a file ``marker`` only once, as the file is there then."""
    marker = Path(argument["marker"]) if "marker" in argument else None
    if marker is None or not marker.exists():
        if marker is not None:
            marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"survived": True}


def wait_for_stop(argument: Argument) -> Argument:
    """Wait up to a minute until asked to stop, and then save; with ``deaf`` it does not stop."""
    with catch_interruption() as stop:
        Path(argument["begun"]).touch()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if stop() and not argument.get("deaf"):
                Path(argument["saved"]).touch()
                raise InterruptedRunError("saved", where=argument["saved"])
            time.sleep(0.05)
    return {}


def write_files(argument: Argument) -> Argument:
    """Read and remove the file ``before`` in its folder, and write others."""
    folder = Path(argument["folder"])
    before = (folder / "before").read_text() if (folder / "before").exists() else None
    (folder / "before").unlink(missing_ok=True)
    (folder / "below").mkdir(exist_ok=True)
    (folder / "below" / "bytes").write_bytes(bytes(range(256)) * argument["times"])
    (folder / "first").write_text("whole")
    return {"before": before, "name": folder.name}


def count_up(argument: Argument) -> Argument:
    """Count in a file of its folder, ten a second, up to ``until``; ``dies`` kills it after each step."""
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
            if argument.get("dies"):
                os.kill(os.getpid(), signal.SIGKILL)
    return {"first": first, "count": count}


def add_up(argument: Argument) -> Argument:
    """Return the sum of the array ``values["table"]`` and the title, then change the array if possible."""
    table = argument["values"]["table"]
    total, writeable = float(table.sum()), bool(table.flags.writeable)
    if writeable:
        table += 1
    return {"total": total, "title": argument["values"]["title"], "writeable": writeable}


def report_limits(argument: Argument) -> Argument:
    """Return the number of threads of torch, and the visible GPUs."""
    import torch

    return {"threads": torch.get_num_threads(), "devices": os.environ.get("CUDA_VISIBLE_DEVICES")}


def leave_thread(argument: Argument) -> Argument:
    """Return at once, and leave a thread that runs for ``seconds``."""
    threading.Thread(target=time.sleep, args=(argument["seconds"],)).start()
    return {"text": "x" * argument["length"]}
