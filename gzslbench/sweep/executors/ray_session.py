"""Being connected to a Ray cluster, this machine's own or one at an address."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Limits
from gzslbench.sweep.executors.versions import Versions, check_versions, versions_here

CLIENT = "ray://"
LOOPBACK = "127.0.0.2"
"""Of a cluster on this machine, which a change of networks does not change; 127.0.0.1 Ray replaces."""
TRIES = 2
"""Of joining: a client's server on a busy machine may come too late for the first."""
PATIENCE = 60.0
"""Seconds that a node has to say which versions it has."""
T = TypeVar("T")
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_NUM_REDIS_GET_RETRIES": "2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}
"""Report nothing; give up after a minute or two where no cluster answers; hide GPUs from jobs without one."""


def require_ray(address: str | None) -> None:
    """Make sure that Ray is installed and somebody answers at the address; Ray is not imported.

    Raises:
        ExecutorError: It is not so.
    """
    missing = [name for name in ("ray", "grpc") if find_spec(name) is None]
    if missing[:1] == ["ray"] or (missing and address and address.startswith(CLIENT)):
        raise ExecutorError(
            f"the executor ray needs {missing[0]}, which is not installed",
            fix="pip install 'gzslbench[ray]'",
        )
    if address and address != "auto":
        _probe(address)


def _probe(address: str) -> None:
    host, colon, port = address.removeprefix(CLIENT).rpartition(":")
    if not colon or not port.isdecimal():
        raise ExecutorError(
            f"{address!r} is no address of a cluster",
            where="--address",
            fix="give HOST:6379 on a node of it, ray://HOST:10001 elsewhere, or auto",
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
def connected(limits: Limits) -> Iterator[None]:
    """Connected inside; a connection that the program has made itself is used, and left.

    Raises:
        ExecutorError: No cluster can be started or joined, or its nodes do not fit.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if limits.address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    ours = not ray.is_initialized()
    if ours:
        with _signals_kept():
            _join(limits)
    try:
        if limits.address is not None:
            _survey()
        yield
    finally:
        if ours:
            ray.shutdown()


def _join(limits: Limits) -> None:
    import ray

    where: dict[str, Any] = {"address": limits.address}
    if limits.address is None:
        where = {
            "address": "local",
            "num_cpus": None if limits.jobs is None else limits.jobs * limits.threads,
            "include_dashboard": False,
            "_node_ip_address": LOOPBACK if sys.platform == "linux" else None,
        }
    for attempt in range(1, TRIES + 1):
        try:
            ray.init(**where, log_to_driver=False, logging_level="error")
            return
        except Exception as error:  # Ray raises of every kind
            ray.shutdown()
            refused = any("authenticat" in f"{type(each).__name__} {each}".lower() for each in _causes(error))
            if refused or attempt == TRIES:
                raise _no_cluster(limits.address, error, refused) from error


def _no_cluster(address: str | None, error: Exception, refused: bool) -> ExecutorError:
    if refused:
        return ExecutorError(
            "the cluster refuses this token, or there is none here",
            where=address or "this machine",
            fix="put the cluster's token into ~/.ray/auth_token, or into RAY_AUTH_TOKEN; was the head"
            " started with RAY_AUTH_MODE=token set? see docs/cluster.md",
        )
    what = "joined" if address else "started"
    return ExecutorError(
        f"the cluster cannot be {what}: {type(error).__name__}: {_first_line(error)}",
        where=address or "this machine",
        fix="see docs/cluster.md: the same Ray and Python, the cluster's token, HOST:6379 only on a node",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _survey() -> None:
    """Ask every node for its versions.

    Raises:
        ExecutorError: One cannot tell, or has others.
    """
    for name, versions in on_every_node(versions_here, PATIENCE):
        check_versions(Versions(), name, versions)


def on_every_node(call: Callable[[], T], patience: float) -> Iterator[tuple[str, T]]:
    """Call a function on each node at once; yields the node's name and what was returned.

    Raises:
        ExecutorError: A node cannot do it, or takes more than ``patience`` seconds.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked, task = {}, ray.remote(num_cpus=0, max_retries=0)(_call)
    for node in working_nodes():
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        name = f"{node['NodeManagerHostname']} (node {node['NodeID'][:8]})"
        asked[name] = task.options(scheduling_strategy=there).remote(call)
    for name, answer in asked.items():
        try:
            told = ray.get(answer, timeout=patience)
        except Exception as error:
            raise ExecutorError(
                f"a node can do no jobs: {_first_line(error)}",
                where=name,
                fix=f"install gzslbench {Versions().gzslbench} there, and start Ray by the same Python",
            ) from error
        yield name, told


def _call(call: Callable[[], T]) -> T:
    return call()


def working_nodes() -> list[dict[str, Any]]:
    """Nodes that are alive and have cores to compute with."""
    import ray

    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo that Ray takes over SIGTERM, which asks a sweep to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
