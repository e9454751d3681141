from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import ParamError
from gzslbench.evaluation.metrics import Metrics
from gzslbench.evaluation.selection import PEEKS, EvaluatedEpoch, SelectedEpoch, select
from gzslbench.runs.record import SELECTIONS


def history(*rows: tuple[int, list[float]]) -> list[EvaluatedEpoch]:
    return [
        EvaluatedEpoch(epoch, [Metrics(U=0, S=0, H=H, T1=0, AUSUC=0) for H in trace]) for epoch, trace in rows
    ]


TABLE = history((10, [1, 9, 4]), (20, [2, 5, 6]), (30, [3, 5, 5]))


@pytest.mark.parametrize(
    ("rule", "epoch", "head_epoch", "H"),
    [
        ("last", 30, 3, 5),
        ("test-peek-inner", 30, 2, 5),
        ("test-peek-outer", 20, 3, 6),
        ("test-peek", 10, 2, 9),
    ],
)
def test_each_rule_picks_its_cell_of_a_table(rule, epoch, head_epoch, H):
    assert select(rule, TABLE) == SelectedEpoch(
        epoch, head_epoch, TABLE[epoch // 10 - 1].trace[head_epoch - 1]
    )
    assert select(rule, TABLE).metrics.H == H


@pytest.mark.parametrize("rule", PEEKS)
def test_of_equals_the_earliest_is_taken(rule):
    flat = history((5, [7, 7]), (10, [7, 7]))
    chosen = select(rule, flat)
    assert chosen.epoch == (10 if rule == "test-peek-inner" else 5)
    assert chosen.head_epoch == (2 if rule == "test-peek-outer" else 1)


def test_the_last_epoch_is_taken_even_where_it_is_the_worst():
    assert select("last", history((1, [9]), (2, [0]))).metrics.H == 0


@pytest.mark.parametrize("rule", ["last", *PEEKS])
def test_every_rule_agrees_on_a_single_evaluation(rule):
    only = history((0, [4]))
    assert select(rule, only) == SelectedEpoch(0, 1, only[0].trace[0])


H = st.floats(0, 100)


@given(st.lists(st.lists(H, min_size=1, max_size=4), min_size=1, max_size=4))
def test_the_more_a_rule_may_peek_at_the_higher_its_number(rows):
    evaluations = history(*enumerate(rows, start=1))
    by_rule = {rule: select(rule, evaluations).metrics.H for rule in ("last", *PEEKS)}
    assert by_rule["last"] <= min(by_rule["test-peek-inner"], by_rule["test-peek-outer"])
    assert by_rule["test-peek"] == max(H for row in rows for H in row)


def test_an_unknown_rule_is_refused_with_a_suggestion():
    with pytest.raises(ParamError, match="did you mean 'test-peek'"):
        select("test-pek", TABLE)


def test_no_rule_is_both_honest_and_a_peek():
    assert not set(SELECTIONS) & set(PEEKS)
