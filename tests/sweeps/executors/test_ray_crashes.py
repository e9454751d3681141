"""Workers, nodes and drivers that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gzslbench.plugins.executor import Ended, Job, Limits, Started
from gzslbench.sweeps.executors.ray_executor import RayExecutor

pytestmark = [pytest.mark.ray, pytest.mark.acceptance]
COUNT = "fake_jobs:count_up"
PATIENCE_S = 300.0
DRIVER = """
import sys
from pathlib import Path
from gzslbench.plugins.executor import Job, Limits, Started
from gzslbench.sweeps.executors.ray_executor import RayExecutor

job = Job("job", "fake_jobs:count_up", {"until": 600}, folder=Path(sys.argv[1]))
for event in RayExecutor(Limits(jobs=1, address=sys.argv[2] or None)).run([job]):
    print(event.where.split()[1], flush=True)
"""


def wait_until(holds) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, "it takes too long"
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def count_in(folder: Path) -> int:
    file = folder / "count"
    return int(file.read_text()) if file.is_file() else 0


def test_a_job_continues_from_its_files_when_its_process_is_killed(cluster, tmp_path) -> None:
    job = Job("job", COUNT, {"until": 40}, folder=tmp_path / "job")
    events = []
    for event in RayExecutor(Limits(jobs=1, address=cluster.address)).run([job]):
        events.append(event)
        if len(events) == 1:
            wait_until(lambda: count_in(job.folder) >= 3)
            os.kill(int(event.where.split()[1]), signal.SIGKILL)
    assert [event.attempt for event in events[:-1]] == [1, 2]
    assert events[-1].result["first"] >= 3
    assert events[-1].result["count"] == 40
    assert sorted(path.name for path in job.folder.iterdir()) == ["count"]


def test_a_stopped_job_saves_and_continues_later(cluster, tmp_path) -> None:
    job = Job("job", COUNT, {"until": 600}, folder=tmp_path / "job")
    executor = RayExecutor(Limits(jobs=1, address=cluster.address))
    events = []
    for event in executor.run([job, Job("never", COUNT, {"until": 1}, folder=tmp_path / "never")]):
        events.append(event)
        if isinstance(event, Started):
            time.sleep(1)
            executor.stop()
    (ended,) = (event for event in events if isinstance(event, Ended))
    count = count_in(job.folder)
    assert ended.failure.kind == "stopped"
    assert ended.failure.what.startswith(f"saved at {count}\n")
    *_, ended = RayExecutor(Limits(jobs=1, address=cluster.address)).run(
        [Job("job", COUNT, {"until": count + 2}, folder=job.folder)]
    )
    assert (ended.result["first"], ended.result["count"]) == (count, count + 2)


def test_a_node_that_is_lost_loses_no_job(cluster, tmp_path) -> None:
    jobs = [Job(f"job-{n}", COUNT, {"until": 50}, folder=tmp_path / f"job-{n}") for n in range(2)]
    events = []
    for event in RayExecutor(Limits(address=cluster.address)).run(jobs):
        events.append(event)
        if len(events) == 2:  # one job on each node
            wait_until(lambda: all(count_in(job.folder) for job in jobs))
            cluster.send("kill 1")
    cluster.send("add")
    ends = [event for event in events if isinstance(event, Ended)]
    assert [end.result["count"] for end in ends] == [50, 50]
    assert sorted(end.result["first"] > 0 for end in ends) == [False, True]
    assert max(event.attempt for event in events if isinstance(event, Started)) == 2


@pytest.mark.parametrize("where", ["started here", "joined"])
def test_jobs_die_with_a_killed_driver_and_continue_later(request, ray, tmp_path, where) -> None:
    address = request.getfixturevalue("cluster").address if where == "joined" else ""
    folder = tmp_path / "job"
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), address], stdout=subprocess.PIPE, text=True
    ) as driver:
        process = int(driver.stdout.readline())
        wait_until(lambda: count_in(folder) >= 3)
        driver.kill()
    wait_until(lambda: not is_alive(process))
    count = count_in(folder)
    job = Job("job", COUNT, {"until": count + 2}, folder=folder)
    *_, ended = RayExecutor(Limits(jobs=1, address=address or None)).run([job])
    assert (ended.result["first"], ended.result["count"]) == (count, count + 2)


def test_a_client_of_the_cluster_runs_jobs(cluster, tmp_path) -> None:
    job = Job("job", COUNT, {"until": 5}, folder=tmp_path / "client")
    *_, ended = RayExecutor(Limits(address=cluster.client)).run([job])
    assert ended.result["count"] == count_in(job.folder) == 5
