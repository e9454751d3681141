"""A Ray cluster of two one-core nodes on the loopback, in a process of its own."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER))  # for fake_jobs and executor_case
PROGRAM = FOLDER / "two_nodes.py"
ANSWER_TIMEOUT_S = 600
ENVIRONMENT = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "5a" * 32, "RAY_USAGE_STATS_ENABLED": "0"}
"""The tests' clusters have a token of their own; none is written to the home folder."""


class Cluster:
    """Two nodes, whose working folder is ``folder``; the driver has another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "errors").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(free_port())],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._lines = b""
        answer = self._answer()
        self.address, self.client = answer["address"], answer["client"]

    def send(self, command: str) -> None:
        """Send ``kill NODE`` or ``add``, and wait until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        self._answer()

    def workers(self, *jobs: str) -> list[int]:
        """List the processes that run jobs whose ids start like this; Ray names a process after its task."""
        names = tuple(f"ray::{job}" for job in jobs)
        return [pid for pid in below(self.process.pid) if command_of(pid).startswith(names)]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(60)
        finally:
            for pid in below(self.process.pid):
                os.kill(pid, 9)
            self.process.kill()

    def _answer(self) -> dict[str, Any]:
        """Read the next line of JSON; other lines are ignored."""
        assert self.process.stdout is not None
        while True:
            line, newline, rest = self._lines.partition(b"\n")
            if newline:
                self._lines = rest
                if line.startswith(b"{"):
                    found: dict[str, Any] = json.loads(line)
                    return found
                continue
            ready, _, _ = select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert more, (self.folder / "errors").read_text()
            self._lines += more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        return int(probe.getsockname()[1])


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def below(pid: int) -> list[int]:
    """All processes that descend from one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it has just ended
            continue
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


@pytest.fixture(scope="session")
def ray() -> Iterator[None]:
    """Ray may be used, with a token of the tests' own."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'gzslbench[ray]'")
    if not Path("/proc/self/stat").is_file():
        pytest.skip("looks for processes under /proc, which is not here")
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def cluster(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)  # its workers import ``fake_jobs``
        cluster = Cluster(tmp_path_factory.mktemp("nodes"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def joined(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, which this process has joined."""
    import ray

    ray.init(cluster.address, log_to_driver=False, logging_level="error")
    yield cluster
    ray.shutdown()


@pytest.fixture(scope="module", autouse=True)
def importable_jobs() -> Iterator[None]:
    """The processes that this one starts can import ``fake_jobs``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
        yield
