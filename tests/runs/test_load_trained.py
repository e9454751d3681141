"""Opening the trained model of a finished run."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.errors import CheckpointError, DataError, GzslBenchError, PluginError, StoreError
from gzslbench.evaluation.evaluator import Evaluator
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.load_trained import open_trained
from gzslbench.runs.record import Failure, Record
from gzslbench.runs.store import Store

SMALL = (
    *("batch_size=512", "critic_iter=1", "ngh=16", "ndh=16", "syn_num=20", "nz=4"),
    *("zsl_epochs=1", "head_epochs=2"),
)


def ran(root, *extra, dataset="digits"):
    settings = [part for setting in (*SMALL, "pretrain_epochs=2") for part in ("--set", setting)]
    arguments = ["run", "--method", "f-clswgan", "--dataset", dataset, "--device", "cpu", "--epochs", "2"]
    outcome = CliRunner().invoke(main, [*arguments, *settings, "--results", str(root), *extra])
    assert outcome.exit_code == 0, outcome.output
    (folder,) = Store(root).runs()
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> RunFolder:
    return ran(tmp_path_factory.mktemp("results"))


@pytest.fixture
def folder(finished, tmp_path) -> RunFolder:
    """A copy of the finished run."""
    shutil.copytree(finished.path, tmp_path / finished.id)
    return RunFolder(tmp_path / finished.id)


def evaluated(folder, **options):
    """The headline of the record, and that of the opened model evaluated again."""
    record = folder.record()
    trained = open_trained(record, folder, **options)
    evaluator = Evaluator(trained.train, trained.test)
    epochs = None if record.validation is None else record.validation.head_epoch
    again = evaluator.evaluate(trained.method, record.headline.epoch, record.cell.seed, epochs)
    return record.headline.as_dict(), again.trace[-1].as_dict()


def test_the_opened_model_is_the_one_that_was_trained(folder):
    kept, again = evaluated(folder)
    assert again == kept
    assert not open_trained(folder.record(), folder).method.modules.training


@pytest.mark.parametrize("extra", [("--select", "val", "--eval-every", "1"), ("--shuffle-semantics", "1")])
def test_so_it_is_after_a_choice_of_epochs_and_with_shuffled_semantics(tmp_path, extra):
    kept, again = evaluated(ran(tmp_path / "results", *extra))
    assert again == kept


def test_a_dataset_of_files_must_be_there_and_be_the_one_of_the_run(tmp_path, monkeypatch):
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    data = tmp_path / "data"
    write_synthetic_folder("AWA2", data / "AWA2", scale=0.01)
    folder = ran(tmp_path / "results", "--data", str(data), dataset="AWA2")
    kept, again = evaluated(folder, data=data)
    assert again == kept
    with pytest.raises(DataError, match="are missing"):
        open_trained(folder.record(), folder, data=tmp_path / "elsewhere")
    record = folder.record()
    for field, what in (("split_fingerprint", "other split"), ("content", "other features")):
        other = replace(record, task=replace(record.task, **{field: "0" * 64}))
        with pytest.raises(DataError, match=what) as raised:
            open_trained(other, folder, data=data)
        assert "00000000" in str(raised.value) and "put back" in str(raised.value)


def changed(record: Record, **cell) -> Record:
    return replace(record, cell=replace(record.cell, **cell))


def renamed(record: Record) -> Record:
    """With the id that its cell stands for."""
    return replace(record, id=record.cell.id)


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda record: changed(record, seed=9), StoreError, "settings are those of run f-clswgan-digits-s9"),
        (lambda record: renamed(changed(record, seed=9)), CheckpointError, "belongs to run"),
        (lambda record: renamed(changed(record, method_version=9)), PluginError, "by version 9"),
        (lambda record: renamed(changed(record, method="nothing")), PluginError, "nothing"),
        (
            lambda record: replace(
                record,
                status="diverged",
                metrics={},
                parameters=None,
                failure=Failure("a/b", "game", 1),
            ),
            StoreError,
            "no trained model",
        ),
    ],
)
def test_a_record_that_the_checkpoint_is_not_of_is_refused(folder, change, error, told):
    with pytest.raises(error, match=told):
        open_trained(change(folder.record()), folder)


def test_a_checkpoint_that_is_missing_or_damaged_is_refused(folder):
    path = folder.checkpoint_file("final")
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[len(content) // 2] ^= 1
    path.write_bytes(content.tobytes())
    with pytest.raises(CheckpointError, match="damaged"):
        open_trained(folder.record(), folder)
    path.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint") as raised:
        open_trained(folder.record(), folder)
    assert str(path) in str(raised.value)


def test_networks_that_have_changed_since_are_refused(folder, monkeypatch):
    from gzslbench_methods.f_clswgan.method import FClswgan

    build = FClswgan.__init__

    def wider(self, view, params):
        build(self, view, replace(params, ngh=params.ngh + 1))

    monkeypatch.setattr(FClswgan, "__init__", wider)
    with pytest.raises(GzslBenchError, match="the checkpoint does not fit the run: Error"):
        open_trained(folder.record(), folder)
