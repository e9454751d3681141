"""gzslbench runs: the stored runs as files."""

from __future__ import annotations

import click

from gzslbench.cli.group import LazyGroup, Target

TARGETS = {
    "list": Target("gzslbench.cli.runs_list:list_", "List stored runs, the newest last."),
    "verify": Target("gzslbench.cli.runs_verify:verify", "Check that records, ids and predictions agree."),
    "export": Target("gzslbench.cli.runs_export:export", "Write runs into one archive."),
    "import": Target("gzslbench.cli.runs_import:import_", "Take in runs from an archive or a folder."),
    "remove": Target("gzslbench.cli.runs_remove:remove", "Remove runs, after asking."),
}


@click.group(cls=LazyGroup, targets=TARGETS)
def runs() -> None:
    """List, verify, export, import or remove stored runs."""
