"""Connect to a Ray cluster, and check that its nodes can run our jobs."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from gzslbench._version import VERSION
from gzslbench.errors import ExecutorError
from gzslbench.files import writing
from gzslbench.plugins.executor import Limits

NODE_TIMEOUT_S = 60.0
"""Time that a node has to answer before any job starts."""
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
T = TypeVar("T")
Versions = Mapping[str, str]


def require_ray(address: str | None) -> None:
    """Check that Ray is installed and that somebody answers at the address; Ray is not imported.

    Raises:
        ExecutorError: One of the two is not so.
    """
    if find_spec("ray") is None:
        raise ExecutorError("Ray is not installed", fix="pip install 'gzslbench[ray]'")
    if not address or address == "auto":
        return
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if not host or not port.isdecimal():
        raise ExecutorError(
            f"{address!r} is not an address of a cluster",
            where="--address",
            fix="give HOST:6379 on a node of the cluster, ray://HOST:10001 elsewhere, or auto",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise ExecutorError(
            f"nobody answers at {address}: {error}",
            where="--address",
            fix="start the cluster by `ray start --head`, and give the address that it prints",
        ) from error


@contextmanager
def connect(limits: Limits) -> Iterator[None]:
    """Be connected to the cluster inside. A connection that the program has already is used and left open.

    Raises:
        ExecutorError: No cluster can be started or joined.
    """
    for name, value in {**SETTINGS, "RAY_task_oom_retries": str(limits.retries)}.items():
        os.environ.setdefault(name, value)
    if limits.address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    ours = not ray.is_initialized()
    if ours:
        _init(limits)
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def _init(limits: Limits) -> None:
    import ray

    options: dict[str, Any] = {"address": limits.address}
    if limits.address is None:
        options = {
            "address": "local",
            "num_cpus": None if limits.jobs is None else limits.jobs * limits.threads,
            "include_dashboard": False,
            "_node_ip_address": LOOPBACK if sys.platform == "linux" else None,
        }
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**options, log_to_driver=False, logging_level="error")
    except Exception as error:  # Ray raises exceptions of many kinds
        ray.shutdown()
        raise ExecutorError(
            f"the cluster cannot be {'joined' if limits.address else 'started'}: {first_line(error)}",
            where=limits.address or "this machine",
            fix="compare Ray, Python and the token (~/.ray/auth_token, RAY_AUTH_MODE=token) with the head's;"
            " see docs/cluster.md",
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray takes it over, but it asks a sweep to stop


def check_nodes(folder: Path | None) -> None:
    """Check that each node has the driver's versions, and that all nodes see one folder at this path.

    Without a folder that they share, a job that starts again on another node would begin from nothing. The
    driver may be on another disk: it is enough if all nodes see a file that one of them has written there.

    Raises:
        ExecutorError: A node cannot run jobs, has other versions, or does not see the folder.
    """
    nodes = {
        node_title(node["NodeManagerHostname"], node["NodeID"]): node["NodeID"] for node in working_nodes()
    }
    for name, theirs in on_nodes(nodes, versions_here).items():
        check_versions(versions_here(), theirs, name)
    if folder is None:
        return
    probe = folder / f".probe-{secrets.token_hex(8)}"
    with writing(folder, "the results folder cannot be written"):
        write_probe(probe)
    seen = on_nodes(nodes, partial(sees_probe, probe))
    probe.unlink(missing_ok=True)
    if not any(seen.values()):
        first = dict(list(nodes.items())[:1])
        on_nodes(first, partial(write_probe, probe))
        seen = on_nodes(nodes, partial(sees_probe, probe))
        on_nodes(first, partial(Path.unlink, probe))
    blind = [name for name, sees in seen.items() if not sees]
    if blind:
        raise ExecutorError(
            f"the results folder is not seen by {', '.join(blind)}",
            where=folder,
            fix="give --results a folder that all nodes see under the same path",
        )


def write_probe(path: Path) -> None:
    """Create an empty file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def sees_probe(path: Path) -> bool:
    """Whether the file is there, or appears within ``PROBE_WAIT_S``."""
    until = time.monotonic() + PROBE_WAIT_S
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    return path.exists()


def on_nodes(nodes: Mapping[str, str], call: Callable[[], T]) -> dict[str, T]:
    """Call a function on several nodes at once.

    Args:
        nodes: Ray's id of each node, by a name for messages.
        call: The function; it is pickled by its name.

    Returns:
        What it returned, by the node's name.

    Raises:
        ExecutorError: A node cannot call it, or takes more than ``NODE_TIMEOUT_S``.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0)(_call)
    answers = {
        name: remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            call
        )
        for name, node in nodes.items()
    }
    returned = {}
    for name, answer in answers.items():
        try:
            returned[name] = ray.get(answer, timeout=NODE_TIMEOUT_S)
        except Exception as error:
            raise ExecutorError(
                f"a node cannot run jobs: {first_line(error)}",
                where=name,
                fix=f"install gzslbench {VERSION} there, and start Ray with the same Python",
            ) from error
    return returned


def _call(call: Callable[[], T]) -> T:
    return call()


def versions_here() -> dict[str, str]:
    """Get the versions that must be the same everywhere; torch is not imported."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"gzslbench": VERSION, "python": python, "torch": version("torch").partition("+")[0]}


def check_versions(ours: Versions, theirs: Versions, where: str) -> None:
    """Compare the driver's versions with those of a node; two builds of one torch count as equal.

    Raises:
        ExecutorError: gzslbench or Python differs, so that numbers could differ unnoticed.

    Warns:
        RuntimeWarning: torch differs; each record says which torch it was computed with.
    """
    for name in ("gzslbench", "python"):
        if ours[name] != theirs[name]:
            raise ExecutorError(
                f"{name} is {theirs[name]} on a node, and {ours[name]} here",
                where=where,
                fix=f"install {name} {ours[name]} there, and start Ray with it",
            )
    if ours["torch"] != theirs["torch"]:
        warnings.warn(
            f"torch is {theirs['torch']} on {where}, and {ours['torch']} here: numbers may differ",
            RuntimeWarning,
            stacklevel=2,
        )


def working_nodes() -> list[dict[str, Any]]:
    """List the nodes that are alive and have cores to compute with."""
    import ray

    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]


def node_name() -> str:
    """Name this machine and the node of Ray on it."""
    import ray

    return node_title(socket.gethostname(), ray.get_runtime_context().get_node_id())


def node_title(host: str, node: str) -> str:
    """Name a node in messages."""
    return f"{host} (node {node[:8]})"


def first_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message, which in Ray has many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
