"""Five seeds of two methods, to every form in which a reader meets them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

pytestmark = pytest.mark.acceptance

DOCUMENT = r"\documentclass{article}\usepackage{booktabs}\begin{document}%s\end{document}"


def run(*arguments):
    outcome = CliRunner().invoke(main, [*map(str, arguments)])
    assert outcome.exit_code == 0, outcome.output
    return outcome


@pytest.fixture(scope="session", params=["digits", "FLO"])
def seeds(request):
    """A store and its dataset."""
    return request.getfixturevalue({"digits": "store", "FLO": "flowers"}[request.param]), request.param


def table(seeds, form, *options):
    store, dataset = seeds
    only = ["--dataset", dataset, "--method", "ce-gzsl", "--method", "f-clswgan"]
    return run("leaderboard", store.root, *only, "--format", form, *options).stdout


@pytest.mark.parametrize("form", ["console", "md", "html"])
def test_tables_for_readers_have_both_with_their_five_seeds(seeds, form):
    text = table(seeds, form)
    assert text.count("(n=5)") == 2
    for method in ("ce-gzsl", "f-clswgan"):
        assert method in text


def test_tables_for_programs_have_every_seed(seeds):
    (board,) = json.loads(table(seeds, "json"))["boards"]
    by_method = {row["method"]: row["scores"][seeds[1]] for row in board["rows"]}
    assert by_method.keys() == {"ce-gzsl", "f-clswgan"}
    for row in csv.DictReader(io.StringIO(table(seeds, "csv"))):
        score = by_method[row["method"]]
        assert list(score["by_seed"]) == ["1", "2", "3", "4", "5"] and len(row["runs"].split()) == 5
        assert sum(score["by_seed"].values()) / 5 == pytest.approx(float(row["mean"]))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex: install texlive-latex-base")
def test_the_table_for_a_paper_compiles(seeds, tmp_path):
    (tmp_path / "paper.tex").write_text(DOCUMENT % table(seeds, "latex", "--costs"))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout
    assert (tmp_path / "paper.pdf").stat().st_size > 1000


def test_figures_of_a_run_are_written(seeds, tmp_path):
    store, dataset = seeds
    first = next(folder.id for folder in store.runs() if folder.id.startswith(f"ce-gzsl-{dataset}"))
    forms = [option for form in ("png", "pdf", "svg") for option in ("--figure-format", form)]
    run("show", first, "--results", store.root, "--figures", tmp_path / "run", *forms)
    made = {path.name for path in (tmp_path / "run").iterdir()}
    for name in ("training-curves", "seen-unseen", "class-accuracy", "confusion", "features"):
        assert {f"{name}.png", f"{name}.pdf", f"{name}.svg"} <= made


def test_the_site_shows_both_in_a_browser(seeds, chromium, tmp_path):
    store, dataset = seeds
    run("report", store.root, "--dataset", dataset, "--out", tmp_path / "site", "--figures")
    tab = chromium.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((tmp_path / "site" / "index.html").as_uri())
    board = tab.locator(".board:visible", has=tab.locator("[data-method=f-clswgan]")).first
    for method in ("ce-gzsl", "f-clswgan"):
        row = board.locator(f"tr[data-method={method}]")
        row.locator("summary").click()
        assert row.locator("li a").count() == 5
    row.locator("li a").first.click()
    tab.wait_for_selector("figure svg")
    assert tab.locator("figure svg").count() == 4
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    tab.close()
