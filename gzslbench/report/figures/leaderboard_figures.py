"""All figures of leaderboards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from gzslbench.report.figures.drawing import Drawing, file_stem, require_matplotlib
from gzslbench.report.leaderboard.board import Board
from gzslbench.report.leaderboard.entry import ParameterSweep, find_sweeps

PARAMETER = "syn_num"
"""Synthesized features per unseen class, for which papers usually show the sensitivity."""


def figures_of_boards(boards: Sequence[Board], parameter: str = PARAMETER) -> Iterator[Drawing]:
    """Return scores and critical difference of each board, and the sensitivity to ``parameter``.

    Args:
        boards: At least one, all of one rule and one metric.
        parameter: A parameter of methods; each method with two values of it on a dataset gets a figure.

    Raises:
        GzslBenchError: matplotlib is not installed.
    """
    require_matplotlib()
    return _figures(boards, parameter)


def _figures(boards: Sequence[Board], parameter: str) -> Iterator[Drawing]:
    for number, board in enumerate(boards, start=1):
        suffix = [number] if len(boards) > 1 else []
        yield _scores(board, file_stem("scores", *suffix))
        yield _critical_difference(board, file_stem("critical-difference", *suffix))
    entries = [
        entry
        for board in boards
        for row in board.rows
        for score in row.scores.values()
        for entry in score.entries
    ]
    yield from _sensitivities(list(find_sweeps(entries, parameter)), parameter, boards[0].rule)


def _scores(board: Board, name: str) -> Drawing:
    from gzslbench.report.figures.leaderboards import scores_figure

    title = (
        f"{board.metric} of every method by dataset, mean over seeds with its 95 % interval; {_what(board)}."
    )
    return Drawing(name, title, partial(scores_figure, board))


def _critical_difference(board: Board, name: str) -> Drawing:
    from gzslbench.report.figures.leaderboards import critical_difference_figure

    title = f"Mean ranks of the methods by {board.metric} with the critical difference; {_what(board)}."
    ranking = board.ranking
    if ranking is None or ranking.critical_difference is None:
        shared = sum(all(dataset in row.scores for row in board.rows) for dataset in board.tasks)
        return Drawing(
            name,
            title,
            reason="it needs three methods and two datasets that all of them have; "
            f"there are {len(board.rows)} and {shared}",
        )
    return Drawing(name, title, partial(critical_difference_figure, ranking))


def _sensitivities(found: Sequence[ParameterSweep], parameter: str, rule: str) -> Iterator[Drawing]:
    from gzslbench.report.figures.leaderboards import sensitivity_figure

    if not found:
        reason = f"no two runs differ only in {parameter} and their seed"
        yield Drawing("sensitivity", f"Accuracies by {parameter}.", reason=reason)
    stems = [file_stem("sensitivity", parameter, sweep.row, sweep.dataset) for sweep in found]
    for place, (stem, sweep) in enumerate(zip(stems, found, strict=True)):
        name = file_stem(stem, stems[:place].count(stem) + 1) if stems.count(stem) > 1 else stem
        title = f"U, S and H of {sweep.row} on {sweep.dataset} by {parameter}, numbers by {rule}."
        yield Drawing(name, title, partial(sensitivity_figure, sweep, rule))


def _what(board: Board) -> str:
    group = board.group
    what = f"numbers by {board.rule}, features {group.features}, semantics {group.semantics}, {group.setting}"
    return f"{what}; {board.reason}" if board.reason else what
