from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import asdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.report.printing import make_console
from gzslbench.report.terminal.predictions import class_outcomes, classes_table, confusion_csv

NAMES = ["cat", "dog", "fox", "owl", "bee"]


def test_the_table_worked_by_hand_unseen_classes_first(table) -> None:
    third = 100 * 1 / 3
    expected = [
        ("owl", False, 2, 50.0, "cat", 50.0),
        ("bee", False, 1, 0.0, "dog", 100.0),
        ("cat", True, 3, 200 / 3, "fox", third),
        ("dog", True, 1, 0.0, "owl", 100.0),
        ("fox", True, 0, None, None, None),
    ]
    names = ("name", "seen", "rows", "accuracy", "confused_with", "share")
    found = [asdict(outcome) for outcome in class_outcomes(table, NAMES)]
    assert found == [dict(zip(names, row, strict=True)) for row in expected]


@settings(max_examples=30)
@given(st.data())
def test_the_confused_class_is_the_commonest_wrong_answer(any_predictions, data) -> None:
    predictions = data.draw(any_predictions)
    answers = list(zip(predictions.labels.tolist(), predictions.predicted.tolist(), strict=True))
    for outcome in class_outcomes(predictions, NAMES):
        wrong = Counter(p for true, p in answers if NAMES[true] == outcome.name and p != true)
        if not wrong:
            assert (outcome.confused_with, outcome.share) == (None, None)
            continue
        most = max(wrong.values())
        assert outcome.confused_with == NAMES[min(p for p, count in wrong.items() if count == most)]
        assert outcome.share == 100 * most / outcome.rows


def test_the_matrix_holds_every_test_row_once_under_its_names(table) -> None:
    header, *rows = csv.reader(io.StringIO(confusion_csv(table, NAMES)))
    assert header[1:] == NAMES == [name for name, *_ in rows]
    expected = np.zeros((5, 5), int)
    for true, predicted in [(0, 0), (0, 0), (0, 2), (1, 3), (3, 0), (3, 3), (4, 1)]:
        expected[true, predicted] += 1
    assert [[int(count) for count in counts] for _, *counts in rows] == expected.tolist()


def test_a_name_with_comma_quote_or_markup_survives(table) -> None:
    names = ['cat, "wild"', "[bold]dog", "fox", "owl", "bee"]
    header, *rows = csv.reader(io.StringIO(confusion_csv(table, names)))
    assert header[1:] == names == [name for name, *_ in rows]
    terminal = make_console()
    with terminal.capture() as printed:
        terminal.print(classes_table(class_outcomes(table, names), "last"))
    assert "[bold]dog" in printed.get()
