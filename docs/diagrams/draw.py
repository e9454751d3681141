"""Draw the diagrams of the pages: `python docs/diagrams/draw.py` writes the .svg files next to this file.

A diagram follows the light or dark mode of the system. It has a background of its own, so it can be read on
any page.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

STYLE = """
.back { fill: #f6f7fb; } .box { fill: #ffffff; stroke: #3949ab; } .good { fill: #e3f4e6; stroke: #2e7d32; }
.bad { fill: #fdeaea; stroke: #c62828; } text { fill: #20242c; font: 14px system-ui, sans-serif; }
.small { font-size: 12px; fill: #4a5160; } .line { stroke: #5c6475; fill: none; stroke-width: 1.6; }
.head { fill: #5c6475; } .curve { stroke: #3949ab; fill: none; stroke-width: 2.5; } .area { fill: #3949ab22; }
.dot { fill: #2e7d32; } .peek { fill: #c62828; }
@media (prefers-color-scheme: dark) {
.back { fill: #23262f; } .box { fill: #2f3340; stroke: #9fa8da; } .good { fill: #24402a; stroke: #81c784; }
.bad { fill: #4a2a2a; stroke: #ef9a9a; } text { fill: #eceff4; } .small { fill: #c0c6d4; }
.line { stroke: #a7afc0; } .head { fill: #a7afc0; } .curve { stroke: #9fa8da; } .area { fill: #9fa8da33; }
.dot { fill: #81c784; } .peek { fill: #ef9a9a; } }
"""
ARROW = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker>'
)


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "middle") -> str:
    """Return one line of text; ``kind`` is a class of STYLE."""
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, *lines: str, kind: str = "box") -> str:
    """Return a box with centred lines; all but the first are small."""
    parts = [f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>']
    top = y + height / 2 - 9 * (len(lines) - 1) + 5
    for number, line in enumerate(lines):
        parts.append(text(x + width / 2, top + 18 * number, line, kind="small" if number else ""))
    return "".join(parts)


def arrow(*points: tuple[float, float]) -> str:
    """Return an arrow through the points."""
    path = " L".join(f"{x} {y}" for x, y in points)
    return f'<path class="line" d="M{path}" marker-end="url(#tip)"/>'


def draw(name: str, width: int, height: int, title: str, *parts: str) -> None:
    """Write a diagram."""
    content = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><defs>{ARROW}</defs>"
        f'<rect class="back" width="{width}" height="{height}" rx="12"/>{"".join(parts)}</svg>\n'
    )
    Path(__file__).with_name(f"{name}.svg").write_text(content, encoding="utf-8")


def task() -> None:
    """Four things make a task."""
    names = (
        ("dataset", "CUB"),
        ("features", "one row per image"),
        ("semantics", "one vector per class"),
        ("split", "seen, unseen, test"),
    )
    parts = [box(20, 20 + 62 * n, 190, 50, *lines) for n, lines in enumerate(names)]
    parts += [arrow((210, 45 + 62 * n), (290, 138)) for n in range(4)]
    parts += [
        box(292, 100, 130, 76, "task", "an id with", "fingerprints"),
        box(482, 60, 210, 60, "same id", "one table", kind="good"),
        box(482, 156, 210, 60, "another id", "a table of its own", kind="bad"),
        arrow((422, 138), (450, 138), (450, 186), (480, 186)),
        arrow((422, 138), (450, 138), (450, 90), (480, 90)),
    ]
    draw("task", 712, 280, "A task is a dataset, its features, its semantics and its split", *parts)


def setting() -> None:
    """Each setting sees more than the one before."""
    parts = [
        text(300 + 150 * n, 34, first, kind="small") + text(300 + 150 * n, 50, second, kind="small")
        for n, (first, second) in enumerate(
            (("seen rows and", "seen semantics"), ("unseen", "semantics"), ("unlabelled", "test rows"))
        )
    ]
    for row, name in enumerate(("inductive", "class-transductive", "transductive")):
        y = 66 + 58 * row
        parts.append(text(20, y + 28, name, anchor="start"))
        for column in range(3):
            sees = column <= row
            words = "while training" if sees else ("after training" if column == 1 else "never")
            kind = "box" if sees else "good"
            parts.append(box(232 + 150 * column, y, 136, 44, words, kind=kind))
    draw("setting", 690, 250, "What a method sees in each setting", *parts)


def selection() -> None:
    """Three ways to choose an epoch."""
    rows = (
        ("last", "the number is fixed before the run", "the preset, with its source", "good"),
        ("val", "highest H on seen classes kept apart,", "then train on all, test once", "good"),
        ("test-peek", "highest H on the test set", "shown, never ranked", "bad"),
    )
    parts = [box(20, 78, 150, 84, "epochs", "of the model,", "of its head")]
    for n, (name, first, second, kind) in enumerate(rows):
        y = 20 + 72 * n
        parts += [arrow((170, 120), (230, y + 29)), box(232, y, 110, 58, name, kind=kind)]
        parts += [
            text(360, y + 26, first, anchor="start"),
            text(360, y + 46, second, kind="small", anchor="start"),
        ]
    draw("selection", 640, 240, "Three ways to choose the reported epoch", *parts)


def calibration() -> None:
    """The seen-unseen curve."""
    curve = "M70 40 C 180 44, 250 70, 290 120 S 330 200, 332 220"
    parts = [
        f'<path class="area" d="{curve} L70 220 z"/><path class="curve" d="{curve}"/>',
        arrow((70, 220), (360, 220)) + arrow((70, 220), (70, 24)),
        text(352, 240, "U", kind="small") + text(54, 34, "S", kind="small"),
        '<circle class="box" cx="104" cy="42" r="6"/>'
        + text(82, 76, "no gamma: last", kind="small", anchor="start"),
        '<circle class="dot" cx="262" cy="90" r="7"/>',
        text(276, 82, "gamma of validation classes:", anchor="start"),
        text(276, 100, "last-calibrated, honest", kind="small", anchor="start"),
        '<circle class="peek" cx="290" cy="120" r="6"/>',
        text(306, 130, "best gamma on test: a peek", kind="small", anchor="start"),
        text(170, 170, "AUSUC"),
    ]
    draw("calibration", 560, 256, "The seen-unseen curve, with three choices of gamma", *parts)


def uncertainty() -> None:
    """Two sources of chance."""
    parts = [
        box(20, 30, 180, 60, "other seeds", "other trainings"),
        box(20, 130, 180, 60, "other classes", "another test set"),
        arrow((200, 60), (268, 100)),
        arrow((200, 160), (268, 120)),
        box(270, 78, 110, 64, "H", "one number"),
        arrow((380, 110), (430, 60)),
        arrow((380, 110), (430, 160)),
        box(432, 30, 230, 60, "mean ± deviation over seeds", "from three seeds on", kind="good"),
        box(432, 130, 230, 60, "95 % interval over classes", "bootstrap, also for one run", kind="good"),
    ]
    draw("uncertainty", 682, 220, "Two sources of chance, shown apart", *parts)


def records() -> None:
    """From a run to what people read."""
    readers = (("leaderboard", "tables, tests"), ("report", "a site"), ("compare", "published numbers"))
    parts = [
        box(20, 96, 110, 60, "run", "or sweep"),
        arrow((130, 126), (178, 126)),
        box(180, 30, 200, 56, "record.json", "settings and metrics"),
        box(180, 98, 200, 56, "predictions.npz", "metrics can be computed again"),
        box(180, 166, 200, 56, "checkpoint, log", "to go on, to read"),
    ]
    for n, lines in enumerate(readers):
        parts += [arrow((380, 92), (446, 58 + 68 * n)), box(448, 30 + 68 * n, 180, 56, *lines, kind="good")]
    draw("records", 648, 252, "A run writes records; everything else reads them", *parts)


def architecture() -> None:
    """The layers of the core, from the bottom to the top."""
    layers = (
        ("cli", "commands: parse, call, print"),
        ("api", "the functions of the Python API"),
        ("testing, report, sweeps", "what people look at; many runs"),
        ("runs, prepare", "one run and its record; what makes files"),
        ("evaluation, training", "metrics, heads, selection; the loop"),
        ("data, computing", "splits and views; device, seeds, memory"),
        ("plugins, files, errors", "what every part needs"),
    )
    parts = [
        box(20, 20 + 46 * n, 230, 38, name) + text(266, 44 + 46 * n, words, kind="small", anchor="start")
        for n, (name, words) in enumerate(layers)
    ]
    parts += [arrow((560, 30), (560, 330)), text(560, 352, "imports", kind="small")]
    draw("architecture", 610, 366, "The layers of the core; each imports only lower ones", *parts)


if __name__ == "__main__":
    for picture in (task, setting, selection, calibration, uncertainty, records, architecture):
        picture()
