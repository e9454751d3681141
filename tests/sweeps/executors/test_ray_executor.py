"""What only the Ray executor does, on a cluster of two nodes that is joined once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from executor_case import ends_of

from gzslbench.errors import ExecutorError
from gzslbench.plugins.executor import Job, Limits, Started
from gzslbench.sweeps.executors import ray_executor
from gzslbench.sweeps.executors.ray_cluster import PROBE, versions_here
from gzslbench.sweeps.executors.ray_executor import RayExecutor

pytestmark = [pytest.mark.ray, pytest.mark.acceptance]
WORK = "fake_jobs:"


def test_jobs_go_to_both_nodes_and_say_where_they_are(joined) -> None:
    jobs = [Job(f"job-{n}", f"{WORK}square", {"number": n, "seconds": 3}) for n in range(2)]
    events = list(RayExecutor(Limits(address=joined.address)).run(jobs))
    places = [event.where for event in events if isinstance(event, Started)]
    processes = {event.result["process"] for event in events if not isinstance(event, Started)}
    assert {int(place.split()[1]) for place in places} == processes
    assert len({place.partition("(node ")[2] for place in places}) == 2


def test_shares_of_a_gpu_are_packed(joined) -> None:
    jobs = [Job(f"job-{n}", f"{WORK}report_limits", {}, gpus=0.5) for n in range(3)]
    jobs.append(Job("none", f"{WORK}report_limits", {}))
    ends = ends_of(RayExecutor(Limits(address=joined.address)).run(jobs))
    assert [ends[f"job-{n}"].result["devices"] for n in range(3)] == ["0"] * 3
    assert not ends["none"].result["devices"]  # a node without GPUs sets no variable


def test_a_shared_array_is_mapped_and_not_copied(joined) -> None:
    values = {"table": np.ones(100_000), "title": ""}
    jobs = [Job(f"job-{n}", f"{WORK}add_up", {}, shared={"values": values}) for n in range(2)]
    ends = ends_of(RayExecutor(Limits(address=joined.address)).run(jobs))
    assert [end.result["writeable"] for end in ends.values()] == [False, False]


def test_a_node_with_other_versions_is_refused(joined, monkeypatch) -> None:
    monkeypatch.setattr(ray_executor, "versions_here", partial(dict, versions_here(), gzslbench="0.0.9"))
    with pytest.raises(ExecutorError, match=r"gzslbench is .* on a node, and 0.0.9 where you sweep"):
        list(RayExecutor(Limits(address=joined.address)).run([Job("job", f"{WORK}square", {"number": 2})]))


def test_a_node_that_does_not_see_the_results_is_refused_by_name(joined, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ray_executor, "write_probe", lambda folder, token: None)  # as if on another disk
    job = Job("job", f"{WORK}write_files", {"times": 1}, folder=tmp_path / "job")
    with pytest.raises(ExecutorError, match=r"the results folder is not seen by .* \(node "):
        list(RayExecutor(Limits(address=joined.address)).run([job]))


def test_the_files_of_a_job_reach_a_driver_with_another_folder(joined, tmp_path, monkeypatch) -> None:
    """The nodes share a working folder; the driver has another one, and sees none of theirs."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results/job")
    job = Job("job", f"{WORK}write_files", {"times": 1}, folder=folder)
    (end,) = ends_of(RayExecutor(Limits(address=joined.address)).run([job])).values()
    assert end.failure is None
    here, there = (
        {path.name: path.read_bytes() for path in (root / folder).rglob("*") if path.is_file()}
        for root in (tmp_path, joined.folder)
    )
    assert here.keys() == {"bytes", "first"} and here == there
    assert not (joined.folder / "results" / PROBE).exists()
