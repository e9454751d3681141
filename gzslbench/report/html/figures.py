"""Figures inside pages, in the page's own colours."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gzslbench.report.figures.drawing import Drawing
from gzslbench.report.leaderboard.board import Board
from gzslbench.runs.record import Record
from gzslbench.runs.store import RunFolder
from gzslbench.runs.stored_predictions import PredictionsWarning


@dataclass(frozen=True)
class PageFigure:
    """A figure of a page.

    Attributes:
        name: Its anchor is ``figure-`` and this.
        title: A sentence below it, and for readers who do not see it.
        svg: The picture; None where there is none.
        reason: Why there is none.
    """

    name: str
    title: str
    svg: Markup | None
    reason: str


def figures_of_run_page(record: Record, folder: RunFolder) -> list[PageFigure]:
    """Those that a record and its predictions give; the model is not opened."""
    from gzslbench.report.figures.of_run import figures_of_run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredictionsWarning)  # the page's complaints tell
        return _drawn(figures_of_run(record, folder, with_features=False))


def figures_of_overview(boards: Sequence[Board]) -> list[PageFigure]:
    """Those of leaderboards of one rule and one metric; what cannot be drawn is left out."""
    from gzslbench.report.figures.of_boards import figures_of_boards

    return [figure for figure in _drawn(figures_of_boards(boards) if boards else ()) if figure.svg]


def _drawn(drawings: Iterable[Drawing]) -> list[PageFigure]:
    from gzslbench.report.figures.themed import themed_svg

    return [
        PageFigure(
            each.name,
            each.title,
            None if each.draw is None else Markup(themed_svg(each.draw(), each.title)),
            each.reason,
        )
        for each in drawings
    ]
