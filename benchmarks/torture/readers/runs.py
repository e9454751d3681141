"""Runs: records, checkpoints, stores and archives."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from gzslbench_benchmarks.torture.containers import mutate_signed
from gzslbench_benchmarks.torture.mutations import mutate_bytes, mutate_json, mutate_lines, mutate_zip
from gzslbench_benchmarks.torture.readers.reader import Reader, once


@once
def make_run(folder: Path) -> None:
    """Write runs, a store with two of them, an archive, a submission, and a run without its record."""
    import gzslbench
    from gzslbench.runs import fit
    from gzslbench.runs.bundle import write_bundle, write_submission
    from gzslbench.runs.store import Store, read_summaries
    from gzslbench.training.checkpoint import save_checkpoint

    call: dict[str, Any] = {
        "method": "ale",
        "dataset": "digits",
        "epochs": 3,
        "eval_every": 1,
        "select": "val",
        "device": "cpu",
    }
    store = Store(folder / "store")
    saved: list[bytes] = []

    def save(path: Path, owner: str, state: dict[str, Any]) -> None:
        save_checkpoint(path, owner, state)
        saved.extend([path.read_bytes()] if "final" in path.name else [])

    closed_form: dict[str, Any] = {"method": "eszsl", "dataset": "digits", "seeds": 1, "device": "cpu"}
    with patch.object(fit, "save_checkpoint", save):
        for options in (call, closed_form):
            gzslbench.run(**options, results=store.root, checkpoint_every=1, quiet=True)
    read_summaries(store)
    (export := folder / "export").mkdir()
    write_bundle(export / "runs.zip", store.runs())
    write_submission(folder / "submission", store.runs())
    ale, eszsl = sorted(store.runs(), key=lambda run: run.id)
    (folder / "good").write_text(eszsl.id)
    shutil.copytree(ale.path, folder / "runs" / ale.id)
    shutil.copytree(ale.path, folder / "stopped" / ale.id, ignore=shutil.ignore_patterns("record.json"))
    (folder / "submission" / ale.id).rename(folder / "submission" / "one")
    (folder / "call.json").write_text(json.dumps(call))
    run = folder / "runs" / ale.id
    (run / "checkpoint-final.pt").write_bytes(saved[0])  # after the first epoch
    owner = torch.load(run / "checkpoint-final.pt", weights_only=True)["owner"]
    (run / "owner").write_text(owner)


def _read_record(file: Path) -> Any:
    from gzslbench.runs.record import Record, Summary

    record = Record.from_json(file.read_bytes(), file)
    return record.to_json(), Summary.of(record).as_dict(), record.comparable(), record.cell.id


def _read_metrics(file: Path) -> Any:
    from gzslbench.report.terminal.run import run_description
    from gzslbench.runs.folder import RunFolder

    folder = RunFolder(file.parent)
    folder.keep_metrics_until(1, fit="final")
    return folder.metrics(), run_description(folder.require_record(), folder)


def _read_predictions(file: Path) -> Any:
    from gzslbench.evaluation.predictions import load_predictions

    return asdict(load_predictions(file))


def _read_choice(file: Path) -> Any:
    from gzslbench.runs.execute import read_choice
    from gzslbench.runs.folder import RunFolder

    return repr(read_choice(RunFolder(file.parent)))


def _resume(file: Path) -> Any:
    from gzslbench.training.checkpoint import load_checkpoint

    return load_checkpoint(file, file.with_name("owner").read_text())


def _continue(file: Path) -> Any:
    """Continue a run from its checkpoint, as `run --resume` does."""
    import gzslbench

    root = file.parents[2]
    work = root / "again"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root / "stopped", work)
    shutil.copyfile(file, next(work.glob("*/checkpoint-final.pt")))
    gzslbench.run(**json.loads((root / "call.json").read_text()), results=work, resume=True, quiet=True)


def _read_store(file: Path) -> Any:
    """Look at a store with one good and one damaged record, in every way that lists runs."""
    from click.testing import CliRunner

    from gzslbench.cli import main

    results = str(file.parents[1])
    good = (file.parents[2] / "good").read_text()
    for command in (["runs", "list"], ["leaderboard"], ["compare"], ["runs", "verify"]):
        done = CliRunner().invoke(main, [*command, results])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if command[1:] == ["list"] and good not in done.output:
            raise AssertionError(f"{command} hides the good run: {done.output[:80]}")
        if done.exit_code not in (0, 1):
            raise AssertionError(f"{command} fails: {done.output[:80]}")


def _read_report(file: Path) -> Any:
    from click.testing import CliRunner

    from gzslbench.cli import main

    out = file.parents[2] / "site"
    shutil.rmtree(out, ignore_errors=True)
    done = CliRunner().invoke(main, ["report", "--no-figures", str(file.parents[1]), "--out", str(out)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    if done.exit_code not in (0, 1):
        raise AssertionError(f"report fails: {done.output[:80]}")


def _read_index(file: Path) -> Any:
    from gzslbench.runs.store import Store, read_summaries

    return [summary.as_dict() for summary in read_summaries(Store(file.parent))]


def _import(file: Path, source: Path | None = None) -> Any:
    from gzslbench.runs.bundle import import_runs
    from gzslbench.runs.store import Store, read_summaries

    before = set(file.parents[1].rglob("*"))
    into = file.parents[1] / "imported" / "deep" / "store"
    shutil.rmtree(into, ignore_errors=True)
    result = import_runs(source or file, Store(into))
    found = [summary.as_dict() for summary in read_summaries(Store(into))]
    outside = {path for path in file.parents[1].rglob("*") if into not in path.parents} - before
    outside -= {into, *into.parents}
    if outside:
        raise AssertionError(f"written outside of the store: {sorted(outside)[0]}")
    shutil.rmtree(into)
    return result.taken, found


def _import_submission(file: Path) -> Any:
    return _import(file, file.parents[1])


READERS = (
    Reader("record", make_run, "runs/ale*/record.json", mutate_json, _read_record),
    Reader("metrics", make_run, "runs/ale*/metrics.jsonl", mutate_lines, _read_metrics),
    Reader(
        "predictions", make_run, "runs/ale*/predictions.npz", mutate_bytes, _read_predictions, guarded=True
    ),
    Reader("predictions-arrays", make_run, "runs/ale*/predictions.npz", mutate_zip, _read_predictions),
    Reader("validation-choice", make_run, "runs/ale*/validation.json", mutate_json, _read_choice),
    Reader("checkpoint", make_run, "runs/ale*/checkpoint-final.pt", mutate_bytes, _resume, guarded=True),
    Reader(
        "checkpoint-signed", make_run, "runs/ale*/checkpoint-final.pt", mutate_signed, _continue, slow=True
    ),
    Reader("store", make_run, "store/ale*/record.json", mutate_json, _read_store, slow=True),
    Reader("report", make_run, "store/ale*/record.json", mutate_json, _read_report, slow=True),
    Reader("index", make_run, "store/.index-5.json", mutate_json, _read_index),
    Reader("archive", make_run, "export/runs.zip", mutate_bytes, _import, guarded=True, slow=True),
    Reader("archive-members", make_run, "export/runs.zip", mutate_zip, _import, slow=True),
    Reader("submission", make_run, "submission/one/record.json", mutate_json, _import_submission, slow=True),
)
