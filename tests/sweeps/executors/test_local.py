"""What fits onto this machine at once: jobs by cores, memory and shares of GPUs."""

from __future__ import annotations

import os

import pytest

from gzslbench.plugins.executor import Ended, Job, Limits
from gzslbench.sweeps.executors import local
from gzslbench.sweeps.executors.local import (
    LocalExecutor,
    ResourcePool,
    RunningJob,
    available_memory,
    resident_memory,
    visible_name,
)

GIB = 2**30


def job(gpus=0.0, memory=0):
    return Job("job", "nowhere:nothing", {}, gpus, memory)


@pytest.fixture
def machine(monkeypatch):
    """Create the pool of a machine with these cores, GPUs and bytes."""

    def make(cores=8, gpus=0, memory=100 * GIB, **limits):
        monkeypatch.setattr(local, "_count_cores", lambda: cores)
        monkeypatch.setattr(local, "_count_gpus", lambda: gpus)
        monkeypatch.setattr(local, "available_memory", lambda: memory)
        return ResourcePool(Limits(**limits))

    return make


def count_at_once(pool, one):
    """Count how many jobs start at once."""
    running = []
    while pool.fits(one, running) and len(running) < 100:
        running.append(RunningJob(one, pool.choose_device(one, running)))
    return len(running)


def test_jobs_share_the_cores_by_their_threads(machine):
    assert count_at_once(machine(), job()) == 8
    assert count_at_once(machine(threads=3), job()) == 2
    assert count_at_once(machine(threads=16), job()) == 1
    assert count_at_once(machine(jobs=5), job()) == 5


def test_gpus_are_shared_by_what_a_job_takes(machine):
    assert count_at_once(machine(cores=64, gpus=2), job(gpus=0.25)) == 8
    assert count_at_once(machine(cores=64, gpus=2), job(gpus=0.3)) == 6
    assert count_at_once(machine(cores=64, gpus=2, jobs=3), job(gpus=1.0)) == 2
    assert count_at_once(machine(cores=4, gpus=2), job(gpus=0.25)) == 4
    assert count_at_once(machine(cores=64, gpus=2), job(gpus=0.6)) == 2
    assert count_at_once(machine(cores=64, gpus=3), job(gpus=0.4)) == 6


def test_no_gpu_is_given_away_more_than_once(machine):
    pool = machine(cores=64, gpus=2, jobs=64)
    running = [RunningJob(job(gpus=0.6), 0), RunningJob(job(gpus=0.7), 1)]
    assert pool.fits(job(gpus=0.4), running) and pool.choose_device(job(gpus=0.4), running) == 0
    assert not pool.fits(job(gpus=0.5), running)


def test_a_gpu_has_its_name_in_cuda_visible_devices(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_name(1) == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-5ebe9fb0")
    assert [visible_name(0), visible_name(1)] == ["2", "GPU-5ebe9fb0"]


def test_a_job_goes_to_the_gpu_with_the_largest_share_free(machine):
    pool = machine(gpus=3)
    assert pool.choose_device(job(), []) is None
    assert pool.choose_device(job(gpus=0.5), []) == 0
    taken = [(0.5, 0), (0.25, 1), (0.5, 2), (0.0, None)]
    running = [RunningJob(job(gpus=share), device) for share, device in taken]
    assert pool.choose_device(job(gpus=0.5), running) == 1
    assert machine(gpus=0).choose_device(job(gpus=0.5), []) is None


def test_a_job_waits_until_its_memory_is_free_unless_nothing_runs(machine):
    pool = machine(memory=4 * GIB)
    one = [RunningJob(job())]
    assert pool.fits(job(memory=2 * GIB), one) and not pool.fits(job(memory=3 * GIB), one)
    assert pool.fits(job(memory=9 * GIB), [])
    assert count_at_once(machine(memory=None), job(memory=9 * GIB)) == 8


def test_memory_that_running_jobs_will_still_take_is_not_free(machine):
    assert count_at_once(machine(memory=16 * GIB), job(memory=6 * GIB)) == 2
    pool, running = machine(memory=10 * GIB), job(memory=6 * GIB)
    assert not pool.fits(job(memory=4 * GIB), [RunningJob(running, None, 0)])
    assert pool.fits(job(memory=4 * GIB), [RunningJob(running, None, 5 * GIB)])


def test_resident_memory_is_that_of_the_system():
    assert 2**20 < resident_memory(os.getpid()) < 2**40
    assert resident_memory(2**22 + 1) == 0


def test_available_memory_is_that_of_the_system(tmp_path, monkeypatch):
    file = tmp_path / "meminfo"
    monkeypatch.setattr(local, "MEMORY_INFO", file)
    assert available_memory() is None
    file.write_text("MemTotal:  100 kB\nMemAvailable:     40 kB\n")
    assert available_memory() == 40 * 1024


@pytest.mark.acceptance
def test_jobs_see_the_gpus_that_cuda_visible_devices_names(monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    monkeypatch.setattr(local, "_count_gpus", lambda: 2)
    jobs = [Job(f"job-{n}", "fake_jobs:report_limits", {}, gpus=1.0) for n in range(2)]
    ends = [event for event in LocalExecutor(Limits(jobs=2)).run(jobs) if isinstance(event, Ended)]
    assert sorted(end.result["devices"] for end in ends) == ["2", "3"]
