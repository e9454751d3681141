from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

mlflow = pytest.importorskip("mlflow", reason="pip install 'gzslbench[mlflow]'")
pytest.importorskip("sqlalchemy", reason="pip install 'gzslbench[mlflow]'")

MlflowClient = mlflow.MlflowClient

TRACK = ("--track", "mlflow", "--json")
pytestmark = pytest.mark.acceptance  # a new database takes MLflow seconds

Found = Callable[[], list[Any]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'shared.db'}"


@pytest.fixture
def client(database: str, monkeypatch, tmp_path: Path) -> Any:
    """A client of a database that all tests share; each test has an experiment."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", str(tmp_path))
    return MlflowClient(database)


@pytest.fixture
def found(client: Any, tmp_path: Path) -> Found:
    """The test's runs, the latest first."""

    def found() -> list[Any]:
        experiment = client.get_experiment_by_name(str(tmp_path))
        return list(client.search_runs([experiment.experiment_id]))

    return found


def points(client: Any, run: Any) -> dict[str, list[tuple[int, float]]]:
    """Every number of an epoch that the run holds, in the order in which it was logged."""
    names = [name for name in run.data.metrics if name.startswith(("loss/", "test-", "validation-"))]
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    return {name: [(item.step, item.value) for item in history] for name, history in histories.items()}


def test_without_an_address_it_writes_into_the_results_folder(run, results: Path, expected) -> None:
    record = json.loads(run(*TRACK).stdout)
    client = MlflowClient(f"sqlite:///{results / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(record["task"]["id"])
    (one,) = client.search_runs([experiment.experiment_id])
    assert points(client, one) == expected()
    assert (one.info.status, one.info.run_name) == ("FINISHED", record["id"])
    for rule, numbers in record["metrics"].items():
        for name, value in numbers.items():
            assert one.data.metrics[f"result/{rule}/{name}"] == value
    assert one.data.metrics["cost/parameters"] == record["parameters"]
    assert one.data.params["params.syn_num"] == "20" and one.data.params["seed"] == "0"
    assert one.data.tags["gzslbench.cell"] == record["id"]
    assert one.data.tags["gzslbench.status"] == "complete"
    assert one.data.tags["torch"] == record["run"]["torch"]
    kept = {item.path for item in client.list_artifacts(one.info.run_id)}
    assert {"record.json", "metrics.jsonl", "log.txt"} == kept
    (copy,) = (results / "mlflow").glob(f"{one.info.run_id}/artifacts/record.json")
    assert json.loads(copy.read_text()) == record
    assert not Path("mlruns").exists()


def test_a_resumed_run_is_the_same_run_with_each_epoch_once(
    run, expected, kill, revive, client, found: Found
) -> None:
    kill(150)
    with pytest.raises(RuntimeError, match="machine is gone"):
        run(*TRACK, "--checkpoint-every", "2")
    (before,) = found()
    assert before.info.status == "FAILED"
    revive()
    assert run(*TRACK, "--resume").exit_code == 0
    (after,) = found()
    assert after.info.run_id == before.info.run_id
    assert after.info.status == "FINISHED"
    assert points(client, after) == expected()


def test_a_run_that_was_stopped_is_killed_and_a_rerun_is_another(
    run, interrupt, revive, found: Found
) -> None:
    interrupt(50)
    assert run(*TRACK).exit_code == 130
    (stopped,) = found()
    assert (stopped.info.status, stopped.data.tags["gzslbench.status"]) == ("KILLED", "interrupted")
    revive()
    assert run(*TRACK, "--rerun").exit_code == 0
    assert sorted(item.info.status for item in found()) == ["FINISHED", "KILLED"]


def test_a_run_that_diverges_has_failed(run, found: Found) -> None:
    assert run(*TRACK, "--set", "lr=1e30").exit_code == 1
    (one,) = found()
    assert (one.info.status, one.data.tags["gzslbench.status"]) == ("FAILED", "diverged")
    assert not [name for name in one.data.metrics if name.startswith("result/")]


def test_every_seed_is_a_run_of_its_own(run, client, found: Found) -> None:
    for seeds in (["--seed", "1", "--seed", "2"], ["--seed", "3", "--seed", "4"]):
        assert run("--track", "mlflow", *seeds).exit_code == 0
    assert sorted(item.data.params["seed"] for item in found()) == ["1", "2", "3", "4"]
    steps = [[step for step, _ in points(client, item)["loss/game/critic/critic"]] for item in found()]
    assert steps == [[1, 2, 3, 4, 5, 6]] * 4
    assert {item.info.status for item in found()} == {"FINISHED"}


def test_a_server_that_does_not_answer_is_a_warning(run, monkeypatch) -> None:
    with socket.socket() as nobody:  # holds a port of this machine that nobody answers
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        outcome = run(*TRACK)
    assert outcome.exit_code == 0
    assert outcome.stderr.count("warning: tracker 'mlflow' failed and is left out of run") == 1
    tracked = json.loads(outcome.stdout)
    plain = json.loads(run("--json", "--rerun").stdout)
    assert {**tracked, "run": None} == {**plain, "run": None}
