from __future__ import annotations

import pytest

from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.tables import leaderboard_table


def tables(*entries, rule="last", metric="H"):
    return boards(entries, rule, metric)[0]


def shown(board):
    """By row, by dataset, the mean."""
    return {row.label: {name: item.estimate.mean for name, item in row.scores.items()} for row in board.rows}


def test_seeds_of_a_row_are_one_score(entry):
    (board,) = tables(entry(H=50.0, seed=1), entry(H=60.0, seed=2), entry("sae", H=10.0, dataset="CUB"))
    assert shown(board) == {"ce-gzsl": {"AWA2": 55.0}, "sae": {"CUB": 10.0}}
    assert list(board.tasks.items()) == [("AWA2", "AWA2/res101/att/ps-1"), ("CUB", "CUB/res101/att/ps-1")]
    found = board.rows[0].scores["AWA2"]
    assert found.values == {1: 50.0, 2: 60.0}
    assert (found.estimate.n, found.costs["seconds"], found.costs["parameters"]) == (2, 4.0, 7)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"semantics": "sent"}, "the semantics are sent"),
        ({"features": "mine"}, "the features are mine"),
        ({"data": {"pretraining": "imagenet-22k"}}, "the pretraining of the features is imagenet-22k"),
        ({"task": "AWA2/res101/att/ps-2"}, "the task is another one: AWA2/res101/att/ps-2"),
        ({"setting": "transductive"}, "the setting is transductive"),
        ({"setting": "evolving"}, "the setting is evolving"),
        ({"changes": {"epochs": 3}}, "parameters differ from the presets"),
        ({"changes": {"variant": "clean"}}, "the variant is clean"),
        ({"protocol": 2}, "trainer and evaluator had protocol 2"),
    ],
)
def test_numbers_that_may_not_be_compared_share_no_table_and_it_is_said_why(entry, other, reason):
    usual = [entry(H=50.0, seed=seed, data={"pretraining": "imagenet-1k"}) for seed in (1, 2)]
    other = {"data": {"pretraining": "imagenet-1k"}, **other}
    first, second = tables(entry("sae", H=90.0, **other), *usual)
    assert (first.reason, second.reason) == ("", reason)
    assert (list(shown(first)), list(shown(second))) == (["ce-gzsl"], ["sae"])


def test_what_one_run_says_of_the_network_holds_for_the_same_features_in_earlier_records(entry):
    earlier, unknown = entry("sae"), entry("dem", data={"pretraining": "unknown"})
    (board,) = tables(earlier, entry(data={"pretraining": "imagenet-1k"}), unknown)
    assert set(shown(board)) == {"sae", "ce-gzsl", "dem"} and board.training_notes == []
    elsewhere = entry("sae", dataset="CUB")
    first, second = tables(entry(data={"pretraining": "imagenet-1k"}), elsewhere)
    assert {first.group.pretraining, second.group.pretraining} == {"imagenet-1k", "unknown"}


def test_a_table_says_once_that_the_network_may_have_seen_unseen_classes(entry):
    data = {"pretraining": "web image-text"}
    (board,) = tables(entry(data=data), entry(dataset="CUB", data=data))
    note = "the network behind the features was trained on web image-text: it may have seen unseen classes"
    assert board.training_notes == [note]
    assert leaderboard_table(board).notes.count(note) == 1


def test_a_note_names_the_single_seed_that_is_higher_than_the_best_of_several(entry):
    several = [entry(row, H=H, seed=seed) for row, H in (("low", 40.0), ("high", 50.0)) for seed in (1, 2)]
    (board,) = tables(*several, entry("lucky", H=90.0))
    notes = [note for note in leaderboard_table(board).all_notes("*", "'") if note.startswith("no mark for")]
    assert notes == ["no mark for lucky: one seed, which may be lucky, is never the best of several"]
    (board,) = tables(*several, entry("last", H=10.0))
    assert "no mark for" not in " ".join(leaderboard_table(board).all_notes("*", "'"))


def test_the_same_dataset_may_be_in_one_task_only_while_others_go_on(entry):
    first, second = tables(
        entry(seed=1), entry(seed=2), entry(dataset="CUB"), entry(seed=3, task="AWA2/res101/att/ps-9")
    )
    assert set(first.tasks) == {"AWA2", "CUB"} and set(second.tasks) == {"AWA2"}


def test_what_has_no_number_by_the_rule_is_counted_and_not_shown(entry):
    tables_, left = boards([entry(), entry("sae", rule="val"), entry("dem", status="diverged")], "last", "H")
    assert [list(shown(board)) for board in tables_] == [["ce-gzsl"]]
    assert dict(left) == {"diverged": 1, "no numbers by last, only by val": 1}


def test_controls_are_in_no_table_and_are_counted(entry):
    controls = [entry("ce-gzsl", H=99.0, cell={"control": "oracle"}), entry(H=1.0, semantics="att-shuffled1")]
    tables_, left = boards([entry(), *controls], "last", "H")
    assert [shown(board) for board in tables_] == [{"ce-gzsl": {"AWA2": 50.0}}]
    assert dict(left) == {"control experiments, which are in no ranking": 2}


def test_of_runs_that_differ_in_nothing_the_newest_counts(entry):
    tables_, left = boards([entry(H=50.0), entry(H=60.0)], "last", "H")
    assert shown(tables_[0]) == {"ce-gzsl": {"AWA2": 60.0}}
    assert list(left.values()) == [1]


def test_rows_of_other_parameters_are_rows_of_their_own_and_numbered(entry):
    (board,) = tables(entry(H=50.0, changes={"epochs": 3}), entry(H=60.0, seed=1, changes={"epochs": 5}))
    assert [(row.label, row.changes) for row in board.rows] == [
        ("ce-gzsl (2)", "epochs=5"),
        ("ce-gzsl (1)", "epochs=3"),
    ]


def test_rows_of_other_parameters_share_the_table_if_the_user_says_so(entry):
    runs = [entry(H=50.0), entry(H=60.0, changes={"epochs": 20})]
    apart, _ = boards(runs, "last", "H")
    (together,), _ = boards(runs, "last", "H", any_parameters=True)
    assert len(apart) == 2
    assert [row.changes for row in together.rows] == ["epochs=20", ""]


def test_rows_come_by_mean_rank_over_the_datasets_that_all_have(entry):
    numbers = {"a": (50, 60, 70), "b": (40, 61, 71), "c": (10, 10, 99)}
    entries = [
        entry(row, H=H, dataset=dataset)
        for row, values in numbers.items()
        for dataset, H in zip(("AWA2", "CUB", "SUN"), values, strict=True)
    ]
    (board,) = tables(*entries, entry("a", dataset="APY"))
    assert [row.label for row in board.rows] == ["b", "a", "c"]
    assert board.ranking.ranks == pytest.approx({"a": 2.0, "b": 5 / 3, "c": 7 / 3})
    assert board.ranking.datasets == 3


def test_another_metric_is_another_table(entry):
    (board,) = tables(entry(H=50.0), metric="U")
    assert shown(board) == {"ce-gzsl": {"AWA2": 25.0}}


def test_without_runs_there_is_no_table():
    assert boards([], "last", "H")[0] == []


def test_a_table_may_show_several_metrics_and_one_of_them_orders_it(entry):
    """In these entries U is half of H."""
    entries = [entry("a", H=50.0), entry("b", H=60.0), entry("c", H=40.0)]
    ((board,), _) = boards(entries, "last", "H", metrics=("U", "H"))
    assert (board.metric, board.metrics, [row.label for row in board.rows]) == (
        "H",
        ("U", "H"),
        ["b", "a", "c"],
    )
    assert {row.label: row.columns["U"]["AWA2"].estimate.mean for row in board.rows} == {
        "a": 25.0,
        "b": 30.0,
        "c": 20.0,
    }
    marks = [(row.columns["U"]["AWA2"].best, row.columns["U"]["AWA2"].second) for row in board.rows]
    assert marks == [(True, False), (False, True), (False, False)]
