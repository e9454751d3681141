"""gzslbench data: the files of datasets."""

from __future__ import annotations

import click

from gzslbench.cli.group import LazyGroup, Target

TARGETS = {
    "fetch": Target("gzslbench.cli.data_fetch:fetch", "Download the archives of datasets and unpack them."),
    "show": Target("gzslbench.cli.data_show:show", "Sizes, split, fingerprints and notes of a dataset."),
    "verify": Target(
        "gzslbench.cli.data_verify:verify", "Check a dataset and compare it with what is known."
    ),
    "import": Target("gzslbench.cli.data_import:import_", "Turn MATLAB files into HDF5 that opens at once."),
    "build": Target("gzslbench.cli.data_build:build", "Make a dataset of your own photographs."),
    "semantics": Target(
        "gzslbench.cli.data_semantics:semantics", "Encode class names or descriptions as semantics."
    ),
    "synth": Target("gzslbench.cli.data_synth:synth", "Write a dataset folder of random numbers for trials."),
}


@click.group(cls=LazyGroup, targets=TARGETS)
def data() -> None:
    """Fetch, show, verify, import, build or synthesize dataset files, or encode semantics."""
