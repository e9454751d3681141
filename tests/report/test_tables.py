from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gzslbench.report.tables import ResultTable, TableCell, render, to_console

SHEET = ResultTable(
    "H (%) by last",
    ["method", "AWA2"],
    [
        [TableCell("ce-gzsl"), TableCell("70.0 ± 0.2", best=True)],
        [TableCell("mine_2"), TableCell("69.0 [68, 70]", tied=True)],
    ],
    ["a note & more"],
)
HOSTILE = "<script>|`*_[x](y)\\ & % $ # _ { } ~ ^ ± \n</td>"


def test_the_terminal_marks_the_best_and_the_tied_without_colours_too():
    out = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    out.print(to_console(SHEET))
    lines = out.export_text().splitlines()
    assert lines[2].rstrip().endswith("70.0 ± 0.2 *") and lines[3].rstrip().endswith("69.0 [68, 70] ~")
    assert lines[4].strip() == "a note & more"


def test_markdown_is_githubs_table():
    assert render(SHEET, "md").splitlines() == [
        "**H (%) by last**",
        "",
        "| method | AWA2 |",
        "| --- | ---: |",
        "| ce-gzsl | **70.0 ± 0.2** |",
        r"| mine\_2 | *69.0 \[68, 70\]* |",
        "",
        "- a note & more",
    ]


def test_in_markdown_no_text_breaks_out_of_its_cell():
    sheet = ResultTable(HOSTILE, ["method", HOSTILE], [[TableCell(HOSTILE), TableCell("1")]], [HOSTILE])
    lines = render(sheet, "md").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 3, 3]
    assert "<script>" not in "\n".join(lines).replace("\\<", "")


def test_latex_is_a_table_with_booktabs():
    assert render(SHEET, "latex").splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{H (\%) by last}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"method & AWA2 \\",
        r"\midrule",
        r"ce-gzsl & \textbf{70.0 $\pm$ 0.2} \\",
        r"mine\_2 & \underline{69.0 [68, 70]} \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\footnotesize a note \& more",
        r"\end{table}",
    ]


@pytest.mark.acceptance
@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs: install texlive-latex-base"
)
@pytest.mark.parametrize(
    "sheet",
    [SHEET, ResultTable(HOSTILE, ["[method]", HOSTILE], [[TableCell("[x"), TableCell(HOSTILE)]], [HOSTILE])],
)
def test_latex_compiles(tmp_path, sheet):
    (tmp_path / "table.tex").write_text(
        r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs}\begin{document}"
        f"\n{render(sheet, 'latex')}\\end{{document}}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").stat().st_size > 1000


class Cells(HTMLParser):
    """The text of every cell, and every tag."""

    def __init__(self):
        super().__init__()
        self.tags, self.cells, self.inside = [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag in ("th", "td"):
            self.cells.append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("th", "td")

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data


@given(st.text(max_size=30))
def test_html_holds_any_text_as_text(text):
    page = Cells()
    page.feed(
        render(
            ResultTable(text, ["method", text], [[TableCell(text), TableCell(text, best=True)]], [text]),
            "html",
        )
    )
    allowed = {"section", "table", "caption", "thead", "tbody", "tr", "th", "td", "strong", "ul", "li"}
    assert set(page.tags) == allowed
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    assert [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in page.cells] == [
        "method",
        plain,
        plain,
        plain,
    ]


def test_html_marks_the_best_and_the_tied():
    text = render(SHEET, "html")
    assert "<strong>70.0 ± 0.2</strong>" in text and "<em>69.0 [68, 70]</em>" in text
