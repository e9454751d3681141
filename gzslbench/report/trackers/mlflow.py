"""Tracker for MLflow: in a database next to the runs, or at MLFLOW_TRACKING_URI."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from gzslbench.files import lock
from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, state_after
from gzslbench.runs.record import Record

CELL, STATUS = "gzslbench.cell", "gzslbench.status"
STATUSES = {"complete": "FINISHED", "diverged": "FAILED", "interrupted": "KILLED", "failed": "FAILED"}
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # The training waits for its tracker, so a server that is down must not block it for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


class MLflow:
    """A run of MLflow in an experiment named after the task; a file keeps its id for a resumed run."""

    def __init__(self) -> None:
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)

    def start(self, run: TrackedRun) -> None:
        """Start a run, or continue it."""
        from mlflow import MlflowClient
        from mlflow.entities import Param, RunTag

        self._run = run
        self._logged: dict[str, set[int]] = {}
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{run.results.absolute() / 'mlflow.db'}"
        id_file = run.place / "run_id"
        self._continues = run.resumed and id_file.is_file()
        # One process at a time creates the tables of the database, and the experiment.
        with lock(run.results / "mlflow.lock", wait=True):
            self._client = MlflowClient(uri)
            if not self._continues:
                created = self._client.create_run(self._experiment(uri), run_name=run.id)
                run.place.mkdir(parents=True, exist_ok=True)
                id_file.write_text(created.info.run_id)
        self._id = id_file.read_text()
        self._client.update_run(self._id, status="RUNNING")
        params = [Param(name, str(value)) for name, value in run.parameters.items()]
        about = {CELL: run.id, STATUS: "running", **run.environment}
        tags = [RunTag(name, value) for name, value in about.items()]
        self._client.log_batch(self._id, params=params, tags=tags)

    def epoch(self, epoch: TrackedEpoch) -> None:
        """Log an epoch; its number in its stage is the step."""
        fresh = {name: v for name, v in epoch.numbers.items() if epoch.epoch not in self._steps(name)}
        self._log(fresh, epoch.epoch)

    def end(self, record: Record, numbers: Mapping[str, float]) -> None:
        """Log the final numbers and the run's text files."""
        self._log(numbers, 0)
        for path in self._run.folder.text_files():
            self._client.log_artifact(self._id, str(path))
        self._close(record.status)

    def fail(self, error: BaseException) -> None:
        """Mark the run as killed or failed."""
        self._close(state_after(error))

    def _experiment(self, uri: str) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or self._run.task
        if found := self._client.get_experiment_by_name(name):
            return str(found.experiment_id)
        files = str(self._run.results.absolute() / "mlflow") if uri.startswith("sqlite:") else None
        return str(self._client.create_experiment(name, artifact_location=files))

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
