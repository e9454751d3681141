"""What is refused before Ray is started, and what a start leaves as it was."""

from __future__ import annotations

import os
import signal

import pytest

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Ended, Job, Limits, Started
from gzslbench.sweep.executors import ray_cluster
from gzslbench.sweep.executors.ray_cluster import check_nodes, check_versions, versions_here
from gzslbench.sweep.executors.ray_executor import RayExecutor

JOB = Job("job", "fake_jobs:square", {"number": 3})


def test_without_ray_one_is_told_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(ExecutorError, match=r"pip install 'gzslbench\[ray\]'"):
        RayExecutor(Limits())


@pytest.mark.parametrize("address", ["somewhere", "host:", "host:port", "ray://host"])
def test_what_is_no_address_is_refused(ray, address) -> None:
    with pytest.raises(ExecutorError, match="is not an address"):
        RayExecutor(Limits(address=address))


def test_where_nobody_answers_one_is_told_at_once(ray) -> None:
    with pytest.raises(ExecutorError, match="nobody answers"):
        RayExecutor(Limits(address="127.0.0.2:9"))


def test_other_versions_are_refused_and_another_torch_is_a_warning() -> None:
    here = versions_here()
    check_versions(here, here, "a node")
    for other in ({"gzslbench": "0"}, {"python": "2.7"}):
        with pytest.raises(ExecutorError, match=r"install .* there"):
            check_versions(here, {**here, **other}, "a node")
    with pytest.warns(RuntimeWarning, match=r"torch is 1.0 on a node"):
        check_versions(here, {**here, "torch": "1.0"}, "a node")


@pytest.fixture
def disks(tmp_path, monkeypatch):
    """Two nodes whose disks are folders; a path of the driver is below the node's folder there."""
    nodes = {"node a": tmp_path / "a", "node b": tmp_path / "b"}
    monkeypatch.setattr(ray_cluster, "PROBE_WAIT_S", 0.0)
    listed = [{"NodeManagerHostname": name, "NodeID": name} for name in nodes]
    monkeypatch.setattr(ray_cluster, "working_nodes", lambda: listed)

    def call(asked, function):
        if function is versions_here:
            return dict.fromkeys(asked, versions_here())
        (path,) = function.args
        return {name: function.func(nodes[asked[name]] / path.relative_to("/")) for name in asked}

    monkeypatch.setattr(ray_cluster, "on_nodes", call)
    return nodes


def share(disk, other) -> None:
    disk.parent.mkdir(parents=True, exist_ok=True)
    other.mkdir(parents=True, exist_ok=True)
    disk.symlink_to(other)


def test_a_results_folder_that_all_nodes_see_is_accepted(disks, tmp_path) -> None:
    folder = tmp_path / "results"
    for disk in disks.values():
        share(disk / folder.relative_to("/"), folder)
    check_nodes(folder)
    assert list(folder.iterdir()) == []


def test_nodes_may_share_a_folder_that_the_driver_does_not_see(disks, tmp_path) -> None:
    folder = tmp_path / "results"
    for disk in disks.values():
        share(disk / folder.relative_to("/"), tmp_path / "of the nodes")
    check_nodes(folder)
    assert list(folder.iterdir()) == list((tmp_path / "of the nodes").iterdir()) == []


def test_a_results_folder_of_each_node_alone_is_refused_by_name(disks, tmp_path) -> None:
    folder = tmp_path / "results"
    with pytest.raises(ExecutorError, match="not seen by node b") as caught:
        check_nodes(folder)
    assert "--results" in caught.value.fix and str(caught.value.where) == str(folder)
    share(disks["node b"] / folder.relative_to("/"), folder)
    with pytest.raises(ExecutorError, match=r"not seen by node a"):
        check_nodes(folder)


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
    import subprocess
    import sys

    program = (
        "import sys; from gzslbench.plugins.executor import Job, Limits\n"
        "from gzslbench.sweep.executors.ray_executor import RayExecutor\n"
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
    assert "the cluster cannot be joined" in done.stderr and "auth_token" in done.stderr
