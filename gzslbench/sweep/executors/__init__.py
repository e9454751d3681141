"""Executors: where the jobs of a sweep run. Two come with gzslbench, for this machine and for Ray."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.executor import ExecutorSpec
from gzslbench.plugins.hooks import hookimpl


@hookimpl
def gzslbench_executors() -> Iterable[ExecutorSpec]:
    """List this machine and Ray."""
    return [
        ExecutorSpec(
            "local",
            "processes on this machine, one for each job",
            "gzslbench.sweep.executors.local:LocalExecutor",
        ),
        ExecutorSpec(
            "ray",
            "a Ray cluster, or this machine as one",
            "gzslbench.sweep.executors.ray_executor:RayExecutor",
        ),
    ]
