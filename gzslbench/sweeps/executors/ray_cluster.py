"""Connect to a Ray cluster, and check that a node can run our jobs."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gzslbench._version import VERSION
from gzslbench.errors import ExecutorError, first_line
from gzslbench.plugins.executor import Limits

PROBE = ".ray-probe"
"""File that the head node writes into the results folder; a node that does not see it has another folder."""
PROBE_WAIT_S = 5.0
"""Time that a network file system has to show a new file on another node."""
CLIENT = "ray://"
LOOPBACK = "127.0.0.2"
"""Address of a cluster on this machine; Ray replaces 127.0.0.1 by the network's address, which may change."""
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # report nothing
    "RAY_NUM_REDIS_GET_RETRIES": "2",  # give up after a minute or two if no cluster answers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # hide GPUs from jobs that take none
}
Versions = Mapping[str, str]


def require_ray(address: str | None) -> None:
    """Check that Ray is installed and that something answers at the address; Ray is not imported."""
    if find_spec("ray") is None:
        raise ExecutorError("Ray is not installed", fix="pip install 'gzslbench[ray]'")
    if not address or address == "auto":
        return
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdecimal():
        fix = "give HOST:6379 on a node of it, ray://HOST:10001 elsewhere, or auto"
        raise ExecutorError(f"{address!r} is not an address of a cluster", where="--address", fix=fix)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        fix = "start it by `ray start --head`, and give the address that it prints"
        raise ExecutorError(
            f"no cluster answers at {address}: {error}", where="--address", fix=fix
        ) from error


@contextmanager
def connect(limits: Limits) -> Iterator[None]:
    """Be connected to the cluster inside. A connection that the program has already is used and left open."""
    for name, value in {**SETTINGS, "RAY_task_oom_retries": str(limits.retries)}.items():
        os.environ.setdefault(name, value)
    options: dict[str, Any] = {"address": limits.address}
    if limits.address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        options = {
            "address": "local",
            "num_cpus": None if limits.jobs is None else limits.jobs * limits.threads,
            "include_dashboard": False,
            "_node_ip_address": LOOPBACK if sys.platform == "linux" else None,
        }
    import ray

    if ray.is_initialized():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options, log_to_driver=False, logging_level="error")
    except Exception as error:  # Ray raises exceptions of many kinds
        ray.shutdown()
        what = f"the cluster cannot be {'joined' if limits.address else 'started'}: {first_line(error)}"
        fix = "compare versions and ~/.ray/auth_token with the head's: docs/cluster.md"
        raise ExecutorError(what, where=limits.address or "this machine", fix=fix) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray takes it over, but it asks a sweep to stop
    try:
        yield
    finally:
        ray.shutdown()


def versions_here() -> dict[str, str]:
    """Get the versions that must be the same everywhere, so that numbers are; torch is not imported."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"gzslbench": VERSION, "python": python, "torch": version("torch").partition("+")[0]}


def check_versions(ours: Versions, theirs: Versions, node: str) -> None:
    """Refuse a node with other versions than the driver's; two builds of one torch count as equal."""
    for name, wanted in ours.items():
        if theirs[name] != wanted:
            what = f"{name} is {theirs[name]} on a node, and {wanted} where you sweep"
            fix = f"install {name} {wanted} there, and start Ray again"
            raise ExecutorError(what, where=node, fix=fix)


def write_probe(folder: Path, token: str) -> None:
    """Write ``token`` where every node must see it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROBE).write_text(token)


def remove_probe(folder: Path) -> None:
    """Remove what ``write_probe`` wrote."""
    (folder / PROBE).unlink(missing_ok=True)


def check_folder(folder: Path, token: str, node: str) -> None:
    """Refuse a node that does not see the results folder of the head node, which has written ``token`` there.

    A job that starts again on such a node would not find its checkpoint.
    """
    probe, until = folder / PROBE, time.monotonic() + PROBE_WAIT_S
    while not (probe.is_file() and probe.read_text() == token):
        if time.monotonic() > until:
            fix = "give --results a folder that all machines see under one path"
            raise ExecutorError(f"the results folder is not seen by {node}", where=folder, fix=fix)
        time.sleep(0.1)


def working_nodes() -> list[dict[str, Any]]:
    """List the nodes that are alive and have cores to compute with."""
    import ray

    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]


def this_node() -> str:
    """Name this machine and the node of Ray on it."""
    import ray

    return f"{socket.gethostname()} (node {ray.get_runtime_context().get_node_id()[:8]})"
