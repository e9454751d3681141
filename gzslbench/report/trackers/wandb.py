"""Tracker for Weights & Biases: on its server or, without a login, in files for ``wandb sync``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, state_after
from gzslbench.runs.record import Record

PROJECT = "gzslbench"
EXIT = {"complete": 0, "diverged": 1, "failed": 1, "interrupted": 130}


class WeightsAndBiases:
    """A run of W&B with the id of the cell; the WANDB_* variables are respected."""

    def start(self, run: TrackedRun) -> None:
        """Start a run, or continue it; a run that starts again replaces the earlier one."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self._run = run
        self._known: set[str] = set()
        folder = Path(os.environ.get("WANDB_DIR") or run.place.parent)  # W&B creates `wandb` in it
        folder.mkdir(parents=True, exist_ok=True)
        offline = "WANDB_MODE" not in os.environ and not wandb.login(prompt=False)
        self._wandb = wandb.init(
            id=run.id,
            name=os.environ.get("WANDB_NAME", run.id),
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            group=os.environ.get("WANDB_RUN_GROUP", run.task),
            job_type=os.environ.get("WANDB_JOB_TYPE", run.method),
            config={**run.parameters, "environment": dict(run.environment)},
            dir=str(folder),
            mode="offline" if offline else None,
            resume="allow" if run.resumed else None,
            allow_val_change=True,
            reinit="create_new",  # a process may have several runs open
            settings=wandb.Settings(console="off"),
        )

    def epoch(self, epoch: TrackedEpoch) -> None:
        """Log an epoch, with its number in its stage as the x axis."""
        axis = f"epoch/{epoch.leg}/{epoch.stage}"
        for name in epoch.numbers.keys() - self._known:
            self._wandb.define_metric(name, step_metric=axis)
            self._known.add(name)
        self._wandb.log({axis: epoch.epoch, **epoch.numbers}, step=epoch.ordinal)

    def end(self, record: Record, numbers: Mapping[str, float]) -> None:
        """Log the final numbers as the run's summary, and its text files as an artifact."""
        import wandb

        self._wandb.summary.update(dict(numbers))
        artifact = wandb.Artifact(re.sub(r"[^\w.-]", "_", self._run.id), type="gzslbench-run")
        for path in self._run.folder.text_files():
            # "immutable" adds the file where it is; the default copies it into the home folder
            artifact.add_file(str(path), policy="immutable")
        self._wandb.log_artifact(artifact)
        self._close(record.status)

    def fail(self, error: BaseException) -> None:
        """Mark the run as stopped."""
        self._close(state_after(error))

    def _close(self, status: str) -> None:
        self._wandb.summary["status"] = status
        self._wandb.finish(exit_code=EXIT[status])
