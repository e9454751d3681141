"""What jobs are forked with: imported once, by the server, for all of them."""

from __future__ import annotations

import gzslbench.data.load
import gzslbench.execution.run
import gzslbench.executors.child
import gzslbench.sweep.work  # noqa: F401
from gzslbench.plugins import plugins

plugins().load_all()
