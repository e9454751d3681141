from __future__ import annotations

from rich.text import Text

from gzslbench.report.printing import key_values, make_console, make_table


def test_no_name_controls_the_terminal(capsys) -> None:
    title, paint = "\x1b]0;another title\x07", "\x1b[31mred\x9b1m"
    console = make_console()
    console.print(make_table((title,), [(paint,), (Text(paint),)]))
    console.print(key_values({title: [paint]}), Text(paint), sep="\t")
    shown = capsys.readouterr().out
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}
    assert "another titl" in shown and "red" in shown


def test_colours_of_the_program_reach_a_terminal(monkeypatch, capsys) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    make_console().print(Text("leader", style="bold"))
    assert "\x1b[1mleader" in capsys.readouterr().out
