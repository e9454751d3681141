from __future__ import annotations

from gzslbench.report.figures.training_curves import read_history

LINES = [
    {"leg": "validation", "stage": "game", "epoch": 1, "losses": {"critic/critic": 1.0}},
    {"leg": "final", "stage": "warm", "epoch": 1, "losses": {"warm/class": 3.0}},
    {"leg": "final", "stage": "game", "epoch": 1, "losses": {"critic/critic": 2.0}},
    {
        "leg": "final",
        "stage": "game",
        "epoch": 2,
        "losses": {"critic/critic": 1.5},
        "metrics": {"U": 1.0, "S": 2.0, "H": 4 / 3, "T1": 9.0, "AUSUC": 9.0},
    },
]


def test_losses_are_those_of_the_last_fit_and_metrics_are_by_fit():
    history = read_history(LINES)
    assert history.losses == {
        ("warm", "warm/class"): [(1, 3.0)],
        ("game", "critic/critic"): [(1, 2.0), (2, 1.5)],
    }
    assert history.metrics == {"final": {"U": [(2, 1.0)], "S": [(2, 2.0)], "H": [(2, 4 / 3)]}}


def test_lines_without_numbers_are_passed_over():
    strange = [
        {"epoch": 1},
        {"epoch": 2, "losses": None, "metrics": [1]},
        {"epoch": 3, "losses": {"a": "high", "b": float("inf"), "c": True, "d": None}, "metrics": {"H": "x"}},
    ]
    history = read_history(strange)
    assert history.losses == {} and history.metrics == {}
