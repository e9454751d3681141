"""A process that does one job, and tells its parent what came of it."""

from __future__ import annotations

import json
import os
import signal
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from gzslbench.errors import GzslBenchError, InterruptedRunError
from gzslbench.plugins.executor import Failure
from gzslbench.sweep.executors.packing import read_value

SIGNALS = (signal.SIGINT, signal.SIGTERM)
VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def do_job(
    work: str,
    argument: Mapping[str, Any],
    shared: Mapping[str, Path],
    threads: int,
    devices: str | None,
    answer: Connection,
) -> None:
    """Do it in this process and send ``{"result": …}`` or ``{"failure": …}``; dies when its parent does.

    Args:
        work: As a ``Job`` has it.
        argument: The same.
        shared: Files of the values that join the argument.
        threads: To compute with.
        devices: What it sees of the GPUs, as CUDA_VISIBLE_DEVICES; None: all that this machine has.
        answer: Where to send it, as JSON.
    """
    os.setsid()  # Ctrl-C in the terminal is the parent's to hand on
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # Ray starts its workers deaf to Ctrl-C
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _limit(threads, devices)
    answer.send_bytes(json.dumps(outcome_of(work, argument, shared)).encode())
    answer.close()


def outcome_of(work: str, argument: Mapping[str, Any], shared: Mapping[str, Path]) -> dict[str, Any]:
    """What doing ``work`` comes to, as JSON: a result, or a failure."""
    try:
        values = {name: read_value(file) for name, file in shared.items()}
        return {"result": dict(resolve_name(work)({**argument, **values}))}
    except (InterruptedRunError, KeyboardInterrupt) as error:
        failure = Failure("stopped", str(error) or "stopped")
    except GzslBenchError as error:
        failure = Failure("raised", str(error))
    except BaseException as error:  # whatever a plugin's code raises
        failure = Failure("raised", f"{type(error).__name__}: {error}", traceback.format_exc())
    return {"failure": asdict(failure)}


def _limit(threads: int, devices: str | None) -> None:
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
