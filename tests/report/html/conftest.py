from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.record import Record
from gzslbench.runs.store import Store

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
SMALL = {
    "ce-gzsl": ("ngh=16", "ndh=16", "embed_size=16", "outz_size=8", "nhF=8", "syn_num=10", "head_epochs=2"),
    "f-clswgan": ("ngh=16", "ndh=16", "syn_num=10", "head_epochs=2"),
    "eszsl": ("alpha=1.5",),
}
SEEDS = (1, 2, 3, 4, 5)


def fill(store, method, dataset, seeds=SEEDS, features=None):
    """Short runs of a small form of the method."""
    epochs = None if method == "eszsl" else 2 if features is None else 1
    request = Request(
        method,
        dataset,
        features,
        seeds=seeds,
        settings=SMALL[method],
        epochs=epochs,
        eval_every=1,
        device="cpu",
    )
    plan = make_plan(request)
    for cell in plan.cells:
        run_cell(plan, cell, store, Options())


def taken_over(store: Store, name: str, **changes) -> None:
    """A copy of the store's first run under another id, with other names in it."""
    source = store.runs()[0]
    record = json.loads(source.record_file.read_text())
    for field, values in changes.items():
        record[field] = {**record[field], **values}
    folder = store.run(name)
    shutil.copytree(source.path, folder.path)
    folder.write_record(Record.from_dict({**record, "id": name}))


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Store:
    """Five seeds of both methods on digits, a second dataset, and a run whose names would do harm."""
    store = Store(tmp_path_factory.mktemp("runs") / "results")
    for method in ("ce-gzsl", "f-clswgan"):
        fill(store, method, "digits")
    for method in SMALL:
        fill(store, method, "synthetic", seeds=(1, 2, 3))
    fill(store, "eszsl", "digits", seeds=(1,))
    names = json.loads(store.runs()[0].record_file.read_text())["task"]["class_names"]
    taken_over(
        store,
        "run & <b>bold #1?",
        cell={"method": f"../../{HOSTILE}", "seed": 99},
        task={"dataset": HOSTILE, "notes": [HOSTILE], "class_names": [HOSTILE, *names[1:]]},
        run={"command": ["gzslbench", "run", HOSTILE]},
    )
    diverged(store)
    return store


def diverged(store: Store) -> None:
    """A run that has no metrics, no predictions, and tells little of itself."""
    record = json.loads(store.runs()[0].record_file.read_text())
    folder = store.run("eszsl-my--data-s5-0000000000")
    folder.path.mkdir()
    failure = {"term": "critic/penalty", "stage": "game", "epoch": 2}
    task = {**record["task"], "dataset": "my  data"}
    changes = {"status": "diverged", "metrics": {}, "parameters": None, "failure": failure, "run": {}}
    folder.write_record(Record.from_dict({**record, **changes, "task": task, "id": folder.id}))


@pytest.fixture(scope="session")
def flowers(tmp_path_factory) -> Store:
    """Five seeds of both methods on real features of Oxford Flowers."""
    if "GZSLBENCH_DATA" not in os.environ:
        pytest.skip("needs FLO under GZSLBENCH_DATA")
    store = Store(tmp_path_factory.mktemp("flowers") / "results")
    for method in ("ce-gzsl", "f-clswgan"):
        fill(store, method, "FLO", features="efficientnet_lite0")
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
    """Opens a page of the site; whatever goes wrong in it fails the test at its end."""
    contexts, wrong = [], []

    def opened(page: str = "index.html", **settings):
        context = chromium.new_context(**settings)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        tab.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        tab.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        tab.on("request", lambda request: _stays(request.url, site) or wrong.append(f"asked {request.url}"))
        tab.goto((site / page).as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def _stays(url: str, site: Path) -> bool:
    return url == "data:," or url.startswith(site.as_uri())
