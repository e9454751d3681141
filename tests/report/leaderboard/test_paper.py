"""Tables of a leaderboard for a paper: four datasets and sixteen methods on a page of two columns."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.plugins.registry import plugins
from gzslbench.report.leaderboard.board import boards, published_rows
from gzslbench.report.leaderboard.tables import bibliography, leaderboard_table
from gzslbench.report.published import PublishedNumber
from gzslbench.report.tables import render

DATASETS = ("AWA2", "CUB", "FLO", "SUN")
needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs: install texlive-latex-base"
)


@pytest.fixture
def paper_board(entry):
    """All that four datasets and sixteen methods can have: two digits before the point, spreads above 10."""

    def make(metrics=("T1", "U", "S", "H"), datasets=DATASETS, rule="last"):
        random, entries = np.random.default_rng(0), []
        names = sorted(plugins().methods())[:16]
        assert len(names) == 16
        for row in names:
            for dataset in datasets:
                level = random.uniform(30, 70)
                entries += [
                    entry(row, H=level + random.normal(0, 6), seed=seed, dataset=dataset, rule=rule)
                    for seed in (1, 2, 3)
                ]
        (board,), _ = boards(entries, rule, "H", metrics=metrics)
        return board

    return make


def paper(board, published=(), cite=True, **options):
    """The table, and its references."""
    specs = plugins().methods()
    table = leaderboard_table(board, published, papers=specs, cite=cite)
    return render(table, "latex", **options), bibliography(
        {row.method: specs[row.method] for row in board.rows}
    )


def compile_tex(folder, *tables, bib="", options="10pt,twocolumn"):
    """The log of LaTeX, run until the citations are known."""
    cited = r"\bibliographystyle{plain}\bibliography{methods}" if bib else ""
    measured = r"\typeout{TABLE \the\wd0 OF \the\linewidth}\ifdim\wd0"
    body = "\n".join(tables).replace(r"\ifdim\wd0", measured)
    (folder / "paper.tex").write_text(
        rf"\documentclass[{options}]{{article}}\usepackage[utf8]{{inputenc}}\usepackage[T1]{{fontenc}}"
        r"\usepackage{booktabs,graphicx,url}\begin{document}"
        f"\n{body}\n{cited}\\end{{document}}\n",
        encoding="utf-8",
    )
    (folder / "methods.bib").write_text(bib, encoding="utf-8")
    latex = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    for command in (latex, ["bibtex", "paper"], latex, latex) if bib else (latex,):
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
        output = done.stdout.decode(errors="replace")
        assert done.returncode == 0, output[-2000:]
        assert command[0] != "bibtex" or "Warning" not in output, output
    return output


@pytest.mark.acceptance
@needs_tex
@pytest.mark.parametrize("datasets", [DATASETS, DATASETS[:3], DATASETS[:2], DATASETS[:1]])
def test_it_fits_the_page_with_citations_and_without_being_scaled(paper_board, tmp_path, datasets):
    board = paper_board(datasets=datasets)
    numbers = [
        PublishedNumber(
            method="ce-gzsl",
            title="CE-GZSL",
            dataset="AWA2",
            semantics="att",
            source="a README",
            verified="seen",
            H=70.0,
        )
    ]
    table, bib = paper(board, published_rows(board, numbers), label="tab:results")
    log = compile_tex(tmp_path, table, r"As Table~\ref{tab:results} shows.", bib=bib)
    assert "Overfull" not in log and "undefined" not in log
    width, room = map(float, re.search(r"TABLE ([\d.]+)pt *OF ([\d.]+)pt", log).groups())
    assert room == (469.0 if len(datasets) > 1 else 229.5)
    assert width <= room


@pytest.mark.acceptance
@needs_tex
def test_references_of_any_text_are_read_by_bibtex(tmp_path):
    spec = plugins().method("ale")
    odd = {
        "braces": replace(spec, paper="A. & B{}_x} and C#: {On} 50 % of ~this^, Venue_1, 2020"),
        "address": replace(spec, url="https://example.org/x}\n@evil{a b\\c%20d"),
        "free": replace(spec, paper="only } a text {"),
    }
    bib = bibliography(odd)
    assert "@evil" not in bib.splitlines() and bib.count("\n@") == 2
    compile_tex(tmp_path, r"\cite{braces,address,free}", bib=bib)
