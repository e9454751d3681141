"""The command line: one module per command or per group of similar commands."""

from __future__ import annotations

import click

from gzslbench import __version__
from gzslbench.cli.group import LazyGroup, Target

TARGETS = {
    "run": Target("gzslbench.cli.run:run", "Train a method on a dataset and test it."),
    "evaluate": Target("gzslbench.cli.evaluate:evaluate", "Evaluate scores or labels of another program."),
    "tune": Target("gzslbench.cli.tune:tune", "Search a method's parameters on validation classes."),
    "methods": Target("gzslbench.cli.plugins:methods", "List the methods, or describe one."),
    "heads": Target("gzslbench.cli.plugins:heads", "List the heads of generative methods, or describe one."),
    "extractors": Target("gzslbench.cli.plugins:extractors", "List the feature extractors, or describe one."),
    "datasets": Target("gzslbench.cli.plugins:datasets", "List the datasets, or describe one."),
    "data": Target("gzslbench.cli.data:data", "Fetch, show, verify, import, build or simulate datasets."),
    "extract": Target("gzslbench.cli.extract:extract", "Compute the features of a dataset's images."),
    "finetune": Target("gzslbench.cli.finetune:finetune", "Train an extractor on seen classes."),
    "show": Target("gzslbench.cli.runs:show", "Show a run: settings, metrics, files, how to repeat it."),
    "predict": Target("gzslbench.cli.predict:predict", "Classify new photographs or features with a run."),
    "runs": Target("gzslbench.cli.runs:runs", "List, verify, export, import or remove stored runs."),
    "leaderboard": Target("gzslbench.cli.leaderboard:leaderboard", "Compare methods by the stored runs."),
    "report": Target("gzslbench.cli.leaderboard:report", "Write the stored runs as a web site."),
    "compare": Target("gzslbench.cli.leaderboard:compare", "Compare stored runs with published numbers."),
    "regress": Target("gzslbench.cli.suites:regress", "Run a suite again and find metrics that changed."),
    "sweep": Target("gzslbench.cli.suites:sweep", "Run all cells of a suite, several at the same time."),
    "claims": Target("gzslbench.cli.suites:claims", "Check the claims of papers against stored metrics."),
    "controls": Target("gzslbench.cli.controls:controls", "Judge a method by three control experiments."),
    "check": Target("gzslbench.cli.plugins:check", "Check that a plugin keeps its contract."),
    "new": Target("gzslbench.cli.new:new", "Create the files of a new method."),
    "doctor": Target("gzslbench.cli.plugins:doctor", "Check versions, device, plugins and folders."),
}

EPILOG = """\b
First steps:
  gzslbench methods
  gzslbench run --method ce-gzsl --dataset digits
  gzslbench show ce-gzsl-digits

\b
Exit status of every command:
  0    success
  1    the command worked, and its result is negative: a run diverged, a check
       failed, a number changed
  2    an error that you can fix; the message says how
  70   an error in the code of gzslbench or of a plugin; the traceback shows it
  130  interrupted (Ctrl-C)

\b
Completion of commands, options and their choices by the shell (bash; also
zsh and fish):
  eval "$(_GZSLBENCH_COMPLETE=bash_source gzslbench)"
"""


@click.group(
    cls=LazyGroup,
    targets=TARGETS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__, prog_name="gzslbench")
def main() -> None:
    """Benchmark methods of generalized zero-shot learning."""
