from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from gzslbench.report.terminal.printing import make_console
from gzslbench.report.terminal.run import run_summary, summary_svg


def words(svg: str) -> list[str]:
    """What the picture says, without the title of its window."""
    texts = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return " ".join(text.text or "" for text in texts).replace("\N{NO-BREAK SPACE}", " ").split()


def test_it_says_what_run_prints_under_the_title(record, folder) -> None:
    terminal = make_console()
    with terminal.capture() as printed:
        terminal.print(run_summary(record, folder))
    title, *rest = words(summary_svg(record, folder))
    assert title == "gzslbench"
    assert sorted(rest) == sorted(printed.get().split())
    assert {"33.33", "41.67", "complete"} <= set(rest)


def test_the_environment_changes_neither_size_nor_colour(record, folder, monkeypatch) -> None:
    plain = summary_svg(record, folder)
    for name, value in {"COLUMNS": "20", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    assert summary_svg(record, folder) == plain


def test_the_picture_names_no_address_but_those_of_its_own_format(record, folder):
    addresses = set(re.findall(r"https?://[^\s\"')]+", summary_svg(record, folder)))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
