"""Seeds of two methods, trained for two epochs: to every form in which a reader meets them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.runs.store import Store

pytestmark = pytest.mark.acceptance

DOCUMENT = r"\documentclass{article}\usepackage{booktabs}\begin{document}%s\end{document}"
GAN = ("ngh=16", "ndh=16", "syn_num=10", "head_epochs=2", "batch_size=256")
SETTINGS = {"ce-gzsl": (*GAN, "embed_size=16", "outz_size=8", "nhF=8"), "f-clswgan": GAN}
SEEDS = ("1", "2")


def run(*arguments):
    outcome = CliRunner().invoke(main, [*map(str, arguments)])
    assert outcome.exit_code == 0, outcome.output
    return outcome


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Store:
    store = Store(tmp_path_factory.mktemp("trained") / "results")
    for method, settings in SETTINGS.items():
        options = [part for setting in settings for part in ("--set", setting)]
        options += [part for seed in SEEDS for part in ("--seed", seed)]
        options += ["--epochs", 2, "--eval-every", 1, "--device", "cpu", "--results", store.root]
        run("run", "--method", method, "--dataset", "digits", *options)
    return store


@pytest.mark.parametrize("form", ["console", "md", "html"])
def test_tables_for_readers_have_both_methods_with_their_seeds(trained, form):
    text = run("leaderboard", trained.root, "--format", form, "--metric", "H").stdout
    assert text.count("(n=2)") == 2
    for method in SETTINGS:
        assert method in text


def test_tables_for_programs_have_every_seed(trained):
    (board,) = json.loads(run("leaderboard", trained.root, "--format", "json").stdout)["boards"]
    by_method = {row["method"]: row["scores"]["digits"] for row in board["rows"]}
    assert by_method.keys() == set(SETTINGS)
    for row in csv.DictReader(io.StringIO(run("leaderboard", trained.root, "--format", "csv").stdout)):
        score = by_method[row["method"]][row["metric"]]
        assert list(score["by_seed"]) == list(SEEDS) and len(row["runs"].split()) == 2
        assert sum(score["by_seed"].values()) / 2 == pytest.approx(float(row["mean"]))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex: install texlive-latex-base")
def test_the_table_for_a_paper_compiles(trained, tmp_path):
    table = run("leaderboard", trained.root, "--format", "latex", "--costs").stdout
    (tmp_path / "paper.tex").write_text(DOCUMENT % table)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout
    assert (tmp_path / "paper.pdf").stat().st_size > 1000


def test_figures_of_a_run_are_written(trained, tmp_path):
    first = next(folder.id for folder in trained.runs() if folder.id.startswith("ce-gzsl-digits"))
    forms = [option for form in ("png", "pdf", "svg") for option in ("--figure-format", form)]
    run("show", first, "--results", trained.root, "--figures", tmp_path / "run", *forms)
    made = {path.name for path in (tmp_path / "run").iterdir()}
    for name in ("training-curves", "seen-unseen", "gamma", "class-accuracy", "confusion", "features"):
        assert {f"{name}.png", f"{name}.pdf", f"{name}.svg"} <= made


def test_the_site_shows_both_methods_in_a_browser(trained, chromium, tmp_path):
    run("report", trained.root, "--out", tmp_path / "site", "--figures")
    tab = chromium.new_page()
    fetched = []
    tab.on("request", lambda request: fetched.append(request.url))
    tab.goto((tmp_path / "site" / "index.html").as_uri())
    board = tab.locator(".board:visible", has=tab.locator("[data-method=f-clswgan]")).first
    for method in SETTINGS:
        row = board.locator(f"tr[data-method={method}]")
        row.locator("[data-metric=H] button").click()
        assert tab.locator(":popover-open a").count() == len(SEEDS)
        if method != list(SETTINGS)[-1]:
            tab.keyboard.press("Escape")
    tab.locator(":popover-open a").first.click()
    tab.wait_for_selector("figure svg")
    assert tab.locator("figure svg").count() == 5
    assert {url.partition(":")[0] for url in fetched} <= {"file", "data"}
    tab.close()
