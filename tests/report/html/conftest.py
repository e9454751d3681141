"""A results folder with records, metrics and predictions that were written by hand, and its site."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.plugins.params import build
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.runs.cell import Cell, TaskInfo
from gzslbench.runs.record import Failure, Record, RunInfo, RunMetrics
from gzslbench.runs.store import Store

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
NAMES = ["cat", "dog", "owl", "bee"]
SEEDS = (1, 2, 3, 4, 5)
METHODS = ("ce-gzsl", "f-clswgan", "eszsl")


def predict(seed: int) -> Predictions:
    """Predictions over two seen and two unseen classes, with ten rows each."""
    random = np.random.default_rng(seed)
    labels = np.arange(4).repeat(10)
    best_seen, best_unseen = random.integers(0, 2, 40), random.integers(2, 4, 40)
    gap = random.normal(size=40).astype(np.float32)
    return Predictions(labels, best_seen, best_unseen, gap, best_unseen[20:], np.arange(4) < 2)


def make_record(method: str, dataset: str, seed: int) -> Record:
    """A finished run by the method's preset; its metrics are those of ``predict(seed)``."""
    spec = plugins().method(method)
    params = build(spec.params, preset(spec, dataset, "att").values, "test").as_dict()
    task = TaskInfo(f"{dataset}/pixels/att/ps-1-2", dataset, "pixels", "att", class_names=NAMES)
    cell = Cell(method, 1, dataset, task.id, spec.preprocessing, params, seed)
    metrics = RunMetrics(**metrics_of(predict(seed)).as_dict(), epoch=2, head_epoch=3)
    return Record(
        id=cell.id,
        status="complete",
        cell=cell,
        task=task,
        setting="inductive",
        selection="last",
        metrics={"last": metrics, "test-peek": replace(metrics, epoch=1)},
        parameters=7,
        run=RunInfo(started=f"2026-01-01T00:00:0{seed}", seconds_train=60.0, seconds_evaluate=1.0),
    )


def write_run(store: Store, record: Record) -> None:
    folder = store.run(record.id)
    folder.path.mkdir(parents=True)
    folder.write_record(record)


def add_files(store: Store, record: Record) -> None:
    """Write the predictions and the epochs of a run."""
    folder = store.run(record.id)
    save_predictions(folder.predictions_file, predict(record.cell.seed))
    for epoch in (1, 2):
        metrics = record.metrics["last"].as_dict()
        line = {"leg": "final", "stage": "game", "epoch": epoch, "losses": {"critic/critic": 1.0 / epoch}}
        folder.append_metrics({**line, "metrics": metrics})


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Store:
    """Three methods on two datasets, a run whose names would do harm, and a diverged run."""
    store = Store(tmp_path_factory.mktemp("runs") / "results")
    records = [make_record("ce-gzsl", "digits", seed) for seed in SEEDS]
    records += [make_record("f-clswgan", "digits", seed) for seed in (1, 2)]
    records += [make_record(method, "synthetic", 1) for method in METHODS]
    for record in records:
        write_run(store, record)
    add_files(store, records[0])
    first = records[0]
    hostile = replace(
        first,
        id="run & <b>bold #1?",
        cell=replace(first.cell, method=f"../../{HOSTILE}", seed=99),
        task=replace(first.task, dataset=HOSTILE, notes=[HOSTILE], class_names=[HOSTILE, *NAMES[1:]]),
        run=RunInfo(command=["gzslbench", "run", HOSTILE]),
    )
    write_run(store, hostile)
    shutil.copy(store.run(first.id).predictions_file, store.run(hostile.id).predictions_file)
    diverged = replace(
        first,
        id="eszsl-my--data-s5-0000000000",
        status="diverged",
        cell=replace(first.cell, method="eszsl"),
        task=replace(first.task, dataset="my  data"),
        metrics={},
        parameters=None,
        failure=Failure("critic/penalty", "game", 2),
        run=RunInfo(),
    )
    write_run(store, diverged)
    return store


@pytest.fixture(scope="session")
def site(store, tmp_path_factory) -> Path:
    """The report of ``store``, as the command makes it."""
    out = tmp_path_factory.mktemp("report") / "site"
    outcome = CliRunner().invoke(main, ["report", str(store.root), "--out", str(out), "--figures"])
    assert outcome.exit_code == 0, outcome.output
    return out


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium, or name one in the variable CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without a sandbox of its own: CI runs as root, and the pages are ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium, site):
    """Opens a page of the site; the test fails at its end if anything goes wrong in it."""
    contexts, wrong = [], []

    def opened(page: str = "index.html", **settings):
        context = chromium.new_context(**settings)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        tab.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        tab.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        tab.on(
            "request", lambda request: _stays(request.url, site) or wrong.append(f"requested {request.url}")
        )
        tab.goto((site / page).as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def _stays(url: str, site: Path) -> bool:
    return url == "data:," or url.startswith(site.as_uri())
