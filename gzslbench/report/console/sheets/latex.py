"""Sheets in LaTeX, with booktabs."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.report.console.sheets.sheet import Cell, Sheet

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}


def to_latex(sheet: Sheet) -> str:
    r"""A table environment: the best in bold, those not significantly worse underlined, notes below.

    It needs ``\\usepackage{booktabs}``. A sign that ASCII does not have is left to the engine: pdfLaTeX knows
    those of western languages.
    """
    columns = "".join("l" if position in sheet.words else "r" for position in range(len(sheet.header)))
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(sheet.title)}}}"]
    lines += [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line(map(_escaped, sheet.header)),
        r"\midrule",
    ]
    lines += [_line(map(_text, row)) for row in sheet.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {_escaped(note)}" for note in sheet.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _text(cell: Cell) -> str:
    text = _escaped(cell.text)
    return rf"\textbf{{{text}}}" if cell.best else rf"\underline{{{text}}}" if cell.tied else text


def _escaped(text: str) -> str:
    # Braces before a bracket: after a row's \\ it would be taken for an option.
    escaped = "".join(_SPECIAL.get(sign, sign) for sign in " ".join(text.split()))
    return f"{{}}{escaped}" if escaped.startswith("[") else escaped
