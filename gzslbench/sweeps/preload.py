"""What the fork server imports once, so that a job's process starts with it in 0.1 s instead of seconds."""

from __future__ import annotations

import scipy.io  # noqa: F401
import sklearn.datasets  # noqa: F401
import torch

import gzslbench.data.load
import gzslbench.runs.execute
import gzslbench.sweeps.executors.worker_process
import gzslbench.sweeps.runner  # noqa: F401
from gzslbench.plugins.registry import plugins

plugins().load_all()
# Torch imports its compiler, which takes a second, at the first optimizer and the first layer without values.
torch.optim.Adam([torch.empty_like(torch.empty(1, device="meta"), device="cpu")])
