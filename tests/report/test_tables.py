from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gzslbench.report.tables import ColumnGroup, ResultTable, TableCell, render, share_details, to_console

SHEET = ResultTable(
    "H (%) by last",
    ["method", "AWA2"],
    [
        [TableCell("ce-gzsl"), TableCell("70.0 ± 0.2", best=True)],
        [TableCell("mine_2"), TableCell("69.0 [68, 70]", second=True, tied=True)],
    ],
    ["a note & more"],
)


def wide(datasets=2, methods=2):
    """A table of U and H by dataset, 10.0 and up by row, with a spread of 0.5, and a column of the row."""
    names = [f"D{at}" for at in range(datasets)]
    rows = [
        [
            TableCell(f"method-{at}"),
            *(TableCell(f"{10 + at}.0 ± 0.5", at == 0, mean=f"{10 + at}.0", spread="0.5") for _ in names * 2),
            TableCell("3"),
        ]
        for at in range(methods)
    ]
    groups = [ColumnGroup(name, 1 + 2 * at, 3 + 2 * at) for at, name in enumerate(names)]
    header = ["method", *["U", "H"] * datasets, "seeds"]
    main = range(2, 1 + 2 * datasets, 2)
    return ResultTable("numbers", header, rows, groups=groups, main_columns=main)


def lines_of(table, width):
    out = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    out.print(to_console(table))
    return [line.rstrip() for line in out.export_text().splitlines()]


HOSTILE = "<script>|`*_[x](y)\\ & % $ # _ { } ~ ^ ± \n</td>"


def test_the_terminal_marks_the_best_and_the_tied_without_colours_too():
    lines = lines_of(SHEET, 80)
    assert lines[2].endswith("70.0 ± 0.2 *") and lines[3].endswith("69.0 [68, 70] '~")
    assert lines[4:] == ["* best of its column, ' second best", "a note & more"]


def test_datasets_are_side_by_side_under_their_names_where_the_terminal_has_room():
    assert lines_of(wide(), 80) == [
        "numbers",
        "          ──────── D0 ────────  ──────── D1 ────────",
        "method       U          H          U          H       seeds",
        "method-0  10.0±0.5*  10.0±0.5*  10.0±0.5*  10.0±0.5*      3",
        "method-1  11.0±0.5   11.0±0.5   11.0±0.5   11.0±0.5       3",
        "* best of its column, ' second best",
    ]


def test_where_room_is_scarce_only_the_main_column_keeps_its_spread_and_then_datasets_are_stacked():
    text = lines_of(wide(), 52)
    assert [line.count("±") for line in text if line.startswith("method-")] == [2, 2]
    stacked = lines_of(wide(), 40)
    assert [line.count("±") for line in stacked if line.startswith("method-")] == [2, 2, 2, 2]
    assert [line.split()[-1] == "seeds" for line in stacked if line.startswith("method ")] == [False, True]
    assert max(map(len, stacked)) <= 40


def test_long_notes_are_numbered_once_below():
    cells = [TableCell("a", notes=["long", "longer"]), TableCell("b", notes=["longer"])]
    table = ResultTable("t", ["method"], [[cell] for cell in cells])
    assert [line for line in lines_of(table, 80) if line][-4:] == [
        "a [1, 2]",
        "b [2]",
        "[1] long",
        "[2] longer",
    ]
    assert r"| a \[1, 2\] |" in render(table, "md") and '<th scope="row">b<sup>2</sup>' in render(
        table, "html"
    )


def test_of_several_tables_only_the_first_has_the_details_that_all_have():
    first, second = share_details([ResultTable("t", [], [], ["note"], details=["all", at]) for at in "ab"])
    assert (first.notes, first.details) == (["note"], ["all", "a"])
    assert (second.notes, second.details) == (["note"], ["b"])


def test_markdown_and_html_name_the_dataset_of_every_column():
    assert "| method | D0 U | D0 H | D1 U | D1 H | seeds |" in render(wide(), "md")
    assert '<th scope="colgroup" colspan="2">D0</th>' in render(wide(), "html")


def test_markdown_is_githubs_table():
    assert render(SHEET, "md").splitlines() == [
        "**H (%) by last**",
        "",
        "| method | AWA2 |",
        "| --- | ---: |",
        "| ce-gzsl | **70.0 ± 0.2** |",
        r"| mine\_2 | *69.0 \[68, 70\]* \~ |",
        "",
        "- bold: best of its column, italic: second best",
        "- a note & more",
    ]


def test_in_markdown_no_text_breaks_out_of_its_cell():
    sheet = ResultTable(HOSTILE, ["method", HOSTILE], [[TableCell(HOSTILE), TableCell("1")]], [HOSTILE])
    lines = render(sheet, "md").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 3, 3]
    assert "<script>" not in "\n".join(lines).replace("\\<", "")


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
    assert "<strong>70.0 ± 0.2</strong>" in text and "<em>69.0 [68, 70]</em> ~" in text
