"""gzslbench data: the files of datasets."""

from __future__ import annotations

import click

from gzslbench.cli.group import LazyGroup, Target

TARGETS = {
    "fetch": Target("gzslbench.cli.data.files:fetch", "Download the published archives of datasets."),
    "show": Target("gzslbench.cli.data.files:show", "Show sizes, split and notes of a dataset."),
    "verify": Target(
        "gzslbench.cli.data.files:verify", "Check a dataset and compare it with the published one."
    ),
    "import": Target(
        "gzslbench.cli.data.files:import_", "Convert MATLAB files to one HDF5 file that opens fast."
    ),
    "build": Target("gzslbench.cli.data.build:build", "Make a dataset from your own images or features."),
    "semantics": Target(
        "gzslbench.cli.data.semantics:semantics", "Encode class names or descriptions as semantics."
    ),
    "synth": Target("gzslbench.cli.data.files:synth", "Write a dataset folder of random numbers for trials."),
}


@click.group(cls=LazyGroup, targets=TARGETS)
def data() -> None:
    """Fetch, show, verify, import, build or simulate datasets, or encode semantics."""
