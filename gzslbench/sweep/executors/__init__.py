"""The executors that come with gzslbench."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.executor import ExecutorSpec
from gzslbench.plugins.hooks import hookimpl


@hookimpl
def gzslbench_executors() -> Iterable[ExecutorSpec]:
    """This machine, and Ray."""
    return [
        ExecutorSpec(
            "local",
            "processes on this machine, a fresh one for each job",
            "gzslbench.sweep.executors.local:LocalExecutor",
        ),
        ExecutorSpec(
            "ray",
            "a Ray cluster, or this machine as one",
            "gzslbench.sweep.executors.ray_cluster:RayExecutor",
        ),
    ]
