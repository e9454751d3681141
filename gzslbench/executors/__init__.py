"""The executors that come with gzslbench."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.executor import ExecutorSpec
from gzslbench.hooks import hookimpl


@hookimpl
def gzslbench_executors() -> Iterable[ExecutorSpec]:
    """This machine, and Ray."""
    return [
        ExecutorSpec(
            "local",
            "processes on this machine, a fresh one for each job",
            "gzslbench.executors.local:LocalExecutor",
        ),
        ExecutorSpec(
            "ray",
            "a Ray cluster, or this machine as one",
            "gzslbench.executors.ray_cluster:RayExecutor",
        ),
    ]
