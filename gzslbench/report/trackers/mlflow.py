"""Tracker for MLflow: in a database next to the runs, or at MLFLOW_TRACKING_URI."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from gzslbench.files import lock
from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, state_after
from gzslbench.report.trackers.artifacts import draw_figures, files_of
from gzslbench.runs.record import Record

CELL, FOLDER, STATUS = "gzslbench.cell", "gzslbench.folder", "gzslbench.status"
MAX_PER_CALL = 100
"""Parameters, or tags, that MLflow accepts in one call."""
STATUSES = {"complete": "FINISHED", "diverged": "FAILED", "interrupted": "KILLED", "failed": "FAILED"}
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # The training waits for its tracker, so a server that is down must not block it for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


class MLflow:
    """A run of MLflow in an experiment named after the task; a resumed run is found by its tags."""

    def __init__(self) -> None:
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)

    def start(self, run: TrackedRun) -> None:
        """Start a run, or continue it."""
        from mlflow import MlflowClient
        from mlflow.entities import Param, RunTag

        self._run = run
        self._logged: dict[str, set[int]] = {}
        uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        with _alone(run):
            self._client = MlflowClient(uri or f"sqlite:///{run.results.absolute() / 'mlflow.db'}")
            experiment = self._experiment(uri)
            found = self._earlier(experiment) if run.resumed else None
        self._id: str = found or self._client.create_run(experiment, run_name=run.id).info.run_id
        self._continues = found is not None
        self._client.update_run(self._id, status="RUNNING")
        params = [Param(name, str(value)) for name, value in run.parameters.items()]
        about = {CELL: run.id, FOLDER: _folder(run), STATUS: "running", **run.environment}
        tags = [RunTag(name, value) for name, value in about.items()]
        for first in range(0, max(len(params), len(tags)), MAX_PER_CALL):
            part = slice(first, first + MAX_PER_CALL)
            self._client.log_batch(self._id, params=params[part], tags=tags[part])

    def epoch(self, epoch: TrackedEpoch) -> None:
        """Log an epoch; its number in its stage is the step."""
        fresh = {name: v for name, v in epoch.numbers.items() if epoch.epoch not in self._steps(name)}
        self._log(fresh, epoch.epoch)

    def end(self, record: Record, numbers: Mapping[str, float]) -> None:
        """Log the final numbers and the run's files."""
        self._log(numbers, 0)
        for path in files_of(self._run.folder):
            self._client.log_artifact(self._id, str(path))
        with TemporaryDirectory() as scratch:
            for path in draw_figures(record, self._run.folder, Path(scratch)):
                self._client.log_artifact(self._id, str(path), "figures")
        self._close(record.status)

    def fail(self, error: BaseException) -> None:
        """Mark the run as killed or failed."""
        self._close(state_after(error))

    def _experiment(self, uri: str) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or self._run.task
        found = self._client.get_experiment_by_name(name)
        if found is None:
            local = not uri or uri.startswith("sqlite:")
            files = str(self._run.results.absolute() / "mlflow") if local else None
            return str(self._client.create_experiment(name, artifact_location=files))
        return str(found.experiment_id)

    def _earlier(self, experiment: str) -> str | None:
        """Return the latest unfinished MLflow run of this cell in this folder."""
        for run in self._client.search_runs([experiment], f"tags.`{CELL}` = '{self._run.id}'"):
            if run.data.tags.get(FOLDER) == _folder(self._run) and run.info.status != "FINISHED":
                return str(run.info.run_id)
        return None

    def _steps(self, name: str) -> set[int]:
        """Return the steps that a continued run logged before it was stopped."""
        if self._continues and name not in self._logged:
            history = self._client.get_metric_history(self._id, name)
            self._logged[name] = {metric.step for metric in history}
        return self._logged.get(name, set())

    def _log(self, numbers: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, step) for name, value in numbers.items()]
        self._client.log_batch(self._id, metrics=metrics)

    def _close(self, status: str) -> None:
        self._client.set_tag(self._id, STATUS, status)
        self._client.set_terminated(self._id, STATUSES[status])


def _alone(run: TrackedRun) -> AbstractContextManager[None]:
    """Let one process at a time create the database's tables and the experiment."""
    return lock(run.results / "mlflow.lock", wait=True)


def _folder(run: TrackedRun) -> str:
    return str(run.folder.path.resolve())
