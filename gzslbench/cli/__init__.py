"""The command line: one file a command."""

from __future__ import annotations

import click

from gzslbench import __version__
from gzslbench.cli.group import LazyGroup, Target

TARGETS = {
    "run": Target("gzslbench.cli.run:run", "Train a method on a dataset and test it."),
    "tune": Target("gzslbench.cli.tune:tune", "Search a method's parameters on validation classes."),
    "methods": Target("gzslbench.cli.methods:methods", "List the methods, or describe one."),
    "heads": Target("gzslbench.cli.heads:heads", "List the heads of generative methods, or describe one."),
    "extractors": Target(
        "gzslbench.cli.extractors:extractors", "List the feature extractors, or describe one."
    ),
    "datasets": Target("gzslbench.cli.datasets:datasets", "List the datasets, or describe one."),
    "data": Target("gzslbench.cli.data:data", "Fetch, show, verify, import, build or synthesize datasets."),
    "extract": Target("gzslbench.cli.extract:extract", "Compute a dataset's features from its photographs."),
    "show": Target("gzslbench.cli.show:show", "Show a run: settings, metrics, files, how to repeat it."),
    "runs": Target("gzslbench.cli.runs:runs", "List, verify, export, import or remove stored runs."),
    "leaderboard": Target("gzslbench.cli.leaderboard:leaderboard", "Compare methods by the stored runs."),
    "report": Target("gzslbench.cli.report:report", "Write the stored runs as a site that opens from disk."),
    "compare": Target("gzslbench.cli.compare:compare", "Hold stored runs against published numbers."),
    "regress": Target("gzslbench.cli.regress:regress", "Run a suite again: did a stored number move?"),
    "sweep": Target("gzslbench.cli.sweep:sweep", "Run the cells of a suite, several at once."),
    "claims": Target("gzslbench.cli.claims:claims", "What stored metrics say of papers' claims."),
    "check": Target("gzslbench.cli.check:check", "Check that a plugin keeps its contract."),
    "new": Target("gzslbench.cli.new:new", "Begin a method of your own."),
    "doctor": Target("gzslbench.cli.doctor:doctor", "Check versions, device, plugins and folders."),
}

EPILOG = """\b
To begin:
  gzslbench methods
  gzslbench run --method ce-gzsl --dataset digits
  gzslbench show ce-gzsl-digits

\b
Completion of commands, options and their choices by the shell (bash; likewise
zsh and fish):
  eval "$(_GZSLBENCH_COMPLETE=bash_source gzslbench)"
"""


@click.group(
    cls=LazyGroup, targets=TARGETS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="gzslbench")
def main() -> None:
    """The benchmark toolkit for generalized zero-shot learning."""
