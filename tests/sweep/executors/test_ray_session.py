"""What is refused before Ray is started, and what a start leaves as it was."""

from __future__ import annotations

import os
import signal

import pytest

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Job, Limits, Started
from gzslbench.sweep.executors import ray_session
from gzslbench.sweep.executors.ray_cluster import RayExecutor
from gzslbench.sweep.executors.versions import Versions, check_versions

JOB = Job("job", "gzslbench.testing.made_jobs:square", {"number": 3})


def test_without_ray_one_is_told_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(ray_session, "find_spec", lambda name: None)
    with pytest.raises(ExecutorError, match=r"pip install 'gzslbench\[ray\]'"):
        RayExecutor(Limits())


def test_a_client_needs_grpc_and_others_do_not(monkeypatch) -> None:
    monkeypatch.setattr(ray_session, "find_spec", lambda name: None if name == "grpc" else object())
    RayExecutor(Limits())
    with pytest.raises(ExecutorError, match="needs grpc"):
        RayExecutor(Limits(address="ray://127.0.0.2:10001"))


@pytest.mark.parametrize("address", ["somewhere", "host:", "host:port", "ray://host"])
def test_what_is_no_address_is_refused(ray, address) -> None:
    with pytest.raises(ExecutorError, match="is no address"):
        RayExecutor(Limits(address=address))


def test_where_nobody_answers_one_is_told_at_once(ray) -> None:
    with pytest.raises(ExecutorError, match="nobody answers"):
        RayExecutor(Limits(address="127.0.0.2:9"))


def test_other_versions_are_refused_and_another_torch_is_told() -> None:
    here = Versions()
    check_versions(here, "a node")
    for other in (Versions(gzslbench="0"), Versions(python="2.7")):
        with pytest.raises(ExecutorError, match=r"have .* there"):
            check_versions(here, "a node", other)
    with pytest.warns(RuntimeWarning, match=r"torch is 1.0 on a node"):
        check_versions(here, "a node", Versions(torch="1.0"))


@pytest.mark.ray
@pytest.mark.slow
def test_a_cluster_of_this_machine_is_gone_in_the_end(ray) -> None:
    import ray as package

    before = signal.getsignal(signal.SIGTERM)
    started, ended = RayExecutor(Limits(jobs=1)).run([JOB])
    assert isinstance(started, Started)
    assert isinstance(ended, Ended)
    assert ended.result["square"] == 9
    assert started.where.startswith(f"process {ended.result['process']} on ")
    assert not package.is_initialized()
    assert signal.getsignal(signal.SIGTERM) is before
    assert os.environ["RAY_AUTH_MODE"] == "token"


@pytest.mark.ray
@pytest.mark.slow
def test_another_token_is_refused(cluster, tmp_path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from gzslbench.plugins.executor import Job, Limits\n"
        "from gzslbench.sweep.executors.ray_cluster import RayExecutor\n"
        "list(RayExecutor(Limits(address=sys.argv[1])).run([Job('job', 'nowhere:nothing', {})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, cluster.address],
        env={**os.environ, "RAY_AUTH_TOKEN": "00" * 32},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 1
    assert "the cluster refuses this token" in done.stderr
