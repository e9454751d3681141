from __future__ import annotations

import os

import pytest

from gzslbench.plugins.executor import Job, Limits
from gzslbench.sweep.executors import resource_pool
from gzslbench.sweep.executors.resource_pool import (
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
    """Makes a machine of so many cores, GPUs and bytes."""

    def make(cores=8, gpus=0, memory=100 * GIB, **limits):
        monkeypatch.setattr(resource_pool, "_count_cores", lambda: cores)
        monkeypatch.setattr(resource_pool, "_count_gpus", lambda: gpus)
        monkeypatch.setattr(resource_pool, "available_memory", lambda: memory)
        return ResourcePool(Limits(**limits))

    return make


def at_once(made, one):
    """How many jobs begin beside each other."""
    running = []
    while made.fits(one, running) and len(running) < 100:
        running.append(RunningJob(one, made.choose_device(one, running)))
    return len(running)


def test_jobs_share_the_cores_by_their_threads(machine):
    assert at_once(machine(), job()) == 8
    assert at_once(machine(threads=3), job()) == 2
    assert at_once(machine(threads=16), job()) == 1
    assert at_once(machine(jobs=5), job()) == 5


def test_gpus_are_shared_by_what_a_job_takes(machine):
    assert at_once(machine(cores=64, gpus=2), job(gpus=0.25)) == 8
    assert at_once(machine(cores=64, gpus=2), job(gpus=0.3)) == 6
    assert at_once(machine(cores=64, gpus=2, jobs=3), job(gpus=1.0)) == 2
    assert at_once(machine(cores=4, gpus=2), job(gpus=0.25)) == 4
    assert at_once(machine(cores=64, gpus=2), job(gpus=0.6)) == 2
    assert at_once(machine(cores=64, gpus=3), job(gpus=0.4)) == 6


def test_no_gpu_gets_more_than_all_of_it_whatever_the_shares(machine):
    made = machine(cores=64, gpus=2, jobs=64)
    running = [RunningJob(job(gpus=0.6), 0), RunningJob(job(gpus=0.7), 1)]
    assert made.fits(job(gpus=0.4), running) and made.choose_device(job(gpus=0.4), running) == 0
    assert not made.fits(job(gpus=0.5), running)


def test_a_gpu_is_called_as_the_mask_around_calls_it(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_name(1) == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-5ebe9fb0")
    assert [visible_name(0), visible_name(1)] == ["2", "GPU-5ebe9fb0"]


def test_a_job_goes_to_the_gpu_with_the_largest_share_free(machine):
    made = machine(gpus=3)
    assert made.choose_device(job(), []) is None
    assert made.choose_device(job(gpus=0.5), []) == 0
    taken = [(0.5, 0), (0.25, 1), (0.5, 2), (0.0, None)]
    running = [RunningJob(job(gpus=share), device) for share, device in taken]
    assert made.choose_device(job(gpus=0.5), running) == 1
    assert machine(gpus=0).choose_device(job(gpus=0.5), []) is None


def test_a_job_waits_until_its_memory_is_free_unless_nothing_runs(machine):
    made = machine(memory=4 * GIB)
    one = [RunningJob(job())]
    assert made.fits(job(memory=2 * GIB), one) and not made.fits(job(memory=3 * GIB), one)
    assert made.fits(job(memory=9 * GIB), [])
    assert at_once(machine(memory=None), job(memory=9 * GIB)) == 8


def test_memory_that_running_jobs_have_not_taken_yet_is_theirs(machine):
    assert at_once(machine(memory=16 * GIB), job(memory=6 * GIB)) == 2
    made, running = machine(memory=10 * GIB), job(memory=6 * GIB)
    assert not made.fits(job(memory=4 * GIB), [RunningJob(running, None, 0)])
    assert made.fits(job(memory=4 * GIB), [RunningJob(running, None, 5 * GIB)])


def test_resident_memory_is_what_the_system_tells():
    assert 2**20 < resident_memory(os.getpid()) < 2**40
    assert resident_memory(2**22 + 1) == 0


def test_available_memory_is_what_the_system_tells(tmp_path, monkeypatch):
    file = tmp_path / "meminfo"
    monkeypatch.setattr(resource_pool, "MEMORY_INFO", file)
    assert available_memory() is None
    file.write_text("MemTotal:  100 kB\nMemAvailable:     40 kB\n")
    assert available_memory() == 40 * 1024
