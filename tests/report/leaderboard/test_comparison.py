from __future__ import annotations

import pytest

from gzslbench.report.leaderboard.board import boards, comparisons
from gzslbench.report.leaderboard.tables import comparison_dicts, comparison_table
from gzslbench.report.published import PublishedNumber


def number(H=70.0, **changes):
    values = {"method": "ce-gzsl", "title": "CE-GZSL", "dataset": "AWA2", "semantics": "att"}
    return PublishedNumber(**{**values, "source": "a page", "verified": "seen", "H": H, **changes})


def compared(entries, numbers, stored=None, **more):
    return comparisons(boards(entries, "last", "H")[0], numbers, stored or {}, **more)


@pytest.mark.parametrize(
    ("theirs", "verdict"), [(70.0, "agrees"), (72.0, "agrees"), (72.1, "lower"), (67.9, "higher")]
)
def test_the_verdict_is_that_of_the_tolerance(entry, theirs, verdict):
    (found,) = compared([entry(H=69.0, seed=1), entry(H=71.0, seed=2)], [number(theirs)])
    assert found.verdict == verdict
    assert found.difference == pytest.approx(70.0 - theirs)
    (wider,) = compared([entry(H=70.0)], [number(75.0)], tolerance=6.0)
    assert wider.verdict == "agrees"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"semantics": "sent"}, "semantics sent, not att"),
        ({"features": "own"}, "features own, not res101"),
        ({"semantics": "unknown"}, "not known"),
        ({"finetuned": True}, "fine-tuned"),
    ],
)
def test_numbers_of_another_task_are_not_compared(entry, changes, why):
    (found,) = compared([entry()], [number(**changes)])
    assert (found.verdict, found.difference) == ("not comparable", None)
    assert why in found.why_not


def test_numbers_of_other_parameters_are_not_compared(entry):
    (found,) = compared([entry(changes={"epochs": 2})], [number()])
    assert found.why_not == "ours has other parameters: epochs=2"


def test_every_source_is_a_row_and_a_method_without_any_is_one(entry):
    found = compared(
        [entry(H=50.0), entry("sae")], [number(), number(60.0, source="another"), number(dataset="CUB")]
    )
    assert {(item.now.method, item.verdict) for item in found} == {
        ("ce-gzsl", "lower"),
        ("sae", "not published"),
    }
    assert len(found) == 3


def test_what_was_stored_is_the_mean_over_the_runs_that_both_have(entry):
    entries = [entry(H=50.0, seed=1), entry(H=60.0, seed=2), entry(H=70.0, seed=3)]
    ids = [item.summary.id for item in entries]
    (found,) = compared(entries, [], {ids[0]: 49.0, ids[1]: 61.0, "another": 0.0})
    assert found.stored == 55.0
    assert compared(entries, [])[0].stored is None


def test_a_comparison_says_how_the_published_program_chooses(entry):
    found = compared([entry()], [number(selection="test-peek", calibration="fixed")])
    *_, source = comparison_table(found, "last", "H").rows[0]
    assert "selection test-peek, calibration fixed" in source.notes[0]
    (item,) = comparison_dicts(found)
    assert (item["selection"], item["calibration"]) == ("test-peek", "fixed")
