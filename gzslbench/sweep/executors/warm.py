"""What jobs are forked with: imported once, by the server, for all of them."""

from __future__ import annotations

import scipy.io  # noqa: F401
import sklearn.datasets  # noqa: F401
import torch

import gzslbench.data.load
import gzslbench.runs.execute
import gzslbench.sweep.executors.child
import gzslbench.sweep.work  # noqa: F401
from gzslbench.plugins.registry import plugins

plugins().load_all()
# Torch imports its compiler, a second's work, at the first optimizer and the first layer without values.
torch.optim.Adam([torch.empty_like(torch.empty(1, device="meta"), device="cpu")])
