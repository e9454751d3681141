"""What happens in the process of one job: limit it, run it, and put its result or failure into JSON."""

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
from pkgutil import resolve_name
from typing import Any

from gzslbench.errors import GzslBenchError, InterruptedRunError, describe
from gzslbench.files import writing
from gzslbench.plugins.executor import Failure, Job

STOP_GRACE_S = 30.0
"""Time that a job has to save and end after a request to stop; then it is killed."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def prepare_argument(job: Job) -> dict[str, Any]:
    """Create the folder of a job. Returns its argument with the folder, but without shared values."""
    if job.folder is None:
        return dict(job.argument)
    with writing(job.folder, "the folder of a job cannot be created"):
        job.folder.mkdir(parents=True, exist_ok=True)
    return {**job.argument, "folder": str(job.folder)}


def run_in_process(
    work: str, argument: Mapping[str, Any], threads: int, devices: str | None, answer: Connection
) -> None:
    """Run a job in this process and send its outcome, as JSON, to the parent. If the parent dies, die too.

    ``devices`` is the value of CUDA_VISIBLE_DEVICES; None leaves it as it is.
    """
    os.setsid()  # Ctrl-C in the terminal goes only to the parent, which decides what to do
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices
    limit_threads(threads)
    answer.send_bytes(json.dumps(outcome_of(work, argument)).encode())
    answer.close()


def outcome_of(work: str, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Call the function of a job. Returns ``{"result": …}`` or ``{"failure": …}``, in plain JSON types."""
    try:
        return {"result": dict(resolve_name(work)(argument))}
    except (InterruptedRunError, KeyboardInterrupt) as error:
        failure = Failure("stopped", str(error) or "stopped")
    except GzslBenchError as error:
        failure = Failure("raised", str(error))
    except BaseException as error:  # a plugin's code may raise anything
        failure = Failure("raised", describe(error), traceback.format_exc())
    return {"failure": asdict(failure)}


def limit_threads(threads: int) -> None:
    """Compute with this many threads in this process, in torch and in the libraries below numpy."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
