"""What is refused before a job starts, and what a cluster of this machine leaves as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Job, Limits, Started
from gzslbench.sweeps.executors import ray_cluster
from gzslbench.sweeps.executors.ray_cluster import PROBE, check_folder, check_versions, versions_here
from gzslbench.sweeps.executors.ray_executor import RayExecutor

JOB = Job("job", "fake_jobs:square", {"number": 3})


def test_without_ray_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(ExecutorError, match=r"pip install 'gzslbench\[ray\]'"):
        RayExecutor(Limits())


@pytest.mark.parametrize("address", ["somewhere", "host:", "host:port", "ray://host"])
def test_a_text_that_is_not_an_address_is_refused(monkeypatch, address) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: name)
    with pytest.raises(ExecutorError, match="is not an address"):
        RayExecutor(Limits(address=address))


def test_an_address_without_a_cluster_is_refused_at_once(monkeypatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: name)
    with pytest.raises(ExecutorError, match="no cluster answers"):
        RayExecutor(Limits(address="127.0.0.2:9"))


def test_a_node_with_another_version_is_refused() -> None:
    here = versions_here()
    check_versions(here, here, "a node")
    for other in ({"gzslbench": "0"}, {"python": "2.7"}, {"torch": "1.0"}):
        with pytest.raises(ExecutorError, match=r"install .* there"):
            check_versions(here, {**here, **other}, "a node")


def test_a_node_must_see_what_the_head_node_wrote_into_the_results_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ray_cluster, "PROBE_WAIT_S", 0.0)
    folder = tmp_path / "results"
    folder.mkdir(parents=True)
    for content in (
        None,
        "of another driver",
    ):
        if content is not None:
            (folder / PROBE).write_text(content)
        with pytest.raises(ExecutorError, match="not seen by a node") as caught:
            check_folder(folder, "token", "a node")
        assert "--results" in caught.value.fix and caught.value.where == str(folder)
    (folder / PROBE).write_text("token")
    check_folder(folder, "token", "a node")


@pytest.mark.ray
@pytest.mark.acceptance
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
@pytest.mark.acceptance
def test_another_token_is_refused(cluster, tmp_path) -> None:
    program = (
        "import sys; from gzslbench.plugins.executor import Job, Limits\n"
        "from gzslbench.sweeps.executors.ray_executor import RayExecutor\n"
        "list(RayExecutor(Limits(address=sys.argv[1])).run([Job('job', 'nowhere:nothing', {})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, cluster.address],
        env={**os.environ, "RAY_AUTH_TOKEN": "00" * 32},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "the cluster cannot be joined" in done.stderr and "auth_token" in done.stderr
