"""Runs on other features of the same split in one table, on request."""

from __future__ import annotations

from gzslbench.report.leaderboard.board import boards, published_rows
from gzslbench.report.leaderboard.side_by_side import join_features
from gzslbench.report.leaderboard.tables import leaderboard_table
from gzslbench.report.published import all_published_numbers

PLACES = {"features": "res101_7x7:regions", "semantics": "att+words", "setting": "class-transductive"}
TUNED = {"pretraining": "imagenet-1k, fine-tuned on trainval"}


def test_pooled_features_regions_and_fine_tuned_ones_are_apart_without_it(entry):
    tuned = entry(H=70.0, features="res101_finetuned", data=TUNED)
    runs = [entry(H=50.0), entry("dazle", H=60.0, **PLACES), tuned]
    assert len(boards(runs, "last", "H")[0]) == 3


def test_they_share_a_table_whose_rows_say_what_they_used(entry):
    known = {"pretraining": "imagenet-1k"}
    runs = [
        entry(H=50.0, data=known),
        entry("dazle", H=60.0, data=known, **PLACES),
        entry("eszsl", H=70.0, data=TUNED),
    ]
    (board,), left = boards(join_features(runs), "last", "H")
    assert not left
    assert {row.label: row.scores["AWA2"].estimate.mean for row in board.rows} == {
        "eszsl (res101, att, fine-tuned on trainval)": 70.0,
        "dazle (res101_7x7:regions, att+words, class-transductive)": 60.0,
        "ce-gzsl (res101, att)": 50.0,
    }
    title = leaderboard_table(board).title
    assert "several features, several semantics, any setting" in title
    assert not board.training_notes


def test_networks_that_learned_from_other_data_are_named_in_each_row(entry):
    runs = [
        entry(data={"pretraining": "imagenet-1k"}),
        entry("eszsl", features="clip", data={"pretraining": "web image-text"}),
    ]
    (board,), _ = boards(join_features(runs), "last", "H")
    labels = sorted(row.label for row in board.rows)
    assert labels == ["ce-gzsl (res101, att, imagenet-1k)", "eszsl (clip, att, web image-text)"]
    assert any("may have seen unseen classes" in note for note in board.training_notes)


def test_another_split_stays_in_another_table(entry):
    runs = [entry(), entry("eszsl", data={"split_fingerprint": "f" * 64})]
    found, _ = boards(join_features(runs), "last", "H")
    assert len(found) == 2


def test_seeds_on_other_features_are_never_averaged(entry):
    runs = [entry(H=50.0), entry(H=60.0, seed=1), entry(H=90.0, features="vit")]
    (board,), _ = boards(join_features(runs), "last", "H")
    means = {row.label: row.scores["AWA2"].estimate.mean for row in board.rows}
    assert means == {"ce-gzsl (res101, att)": 55.0, "ce-gzsl (vit, att)": 90.0}


def test_no_published_number_is_next_to_them(entry):
    (board,), _ = boards(join_features([entry()]), "last", "H")
    assert published_rows(board, all_published_numbers()) == []
