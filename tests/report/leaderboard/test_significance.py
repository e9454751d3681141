from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import wilcoxon

from gzslbench.evaluation.predictions import Predictions, save_predictions
from gzslbench.report.leaderboard.board import boards, compare_column
from gzslbench.report.leaderboard.entry import make_score
from gzslbench.report.leaderboard.significance import OverClasses, OverSeeds
from gzslbench.runs.store import Store

SEEN, UNSEEN, ROWS = 12, 16, 29
SHOWN = ("last", "U")


def read_predictions(skill, random):
    """Each row right with probability ``skill``, the others spread over the wrong classes."""
    classes = SEEN + UNSEEN
    labels = np.repeat(np.arange(classes), ROWS)
    right = random.random(len(labels)) < skill
    seen = np.arange(classes) < SEEN
    wrong_seen = (labels + 1 + random.integers(SEEN - 1, size=len(labels))) % SEEN
    wrong_unseen = SEEN + (labels - SEEN + 1 + random.integers(UNSEEN - 1, size=len(labels))) % UNSEEN
    best_seen = np.where(seen[labels] & right, labels, wrong_seen)
    best_unseen = np.where(~seen[labels] & right, labels, wrong_unseen)
    gap = np.where(seen[labels] == right, 1.0, -1.0).astype(np.float32)
    return Predictions(labels, best_seen, best_unseen, gap, best_unseen[labels >= SEEN], seen)


@pytest.fixture
def column(entry, tmp_path):
    """Rows of one seed, with their predictions and folders."""
    store, random = Store(tmp_path), np.random.default_rng(0)
    scores, folders = {}, {}
    for row, skill in (("best", 0.8), ("near", 0.78), ("far", 0.6)):
        made = entry(row, H=100 * skill, seed=1)  # and U half of it
        folder = store.run(made.summary.id)
        folder.path.mkdir()
        save_predictions(folder.predictions_file, read_predictions(skill, random))
        folders[folder.id] = folder
        scores[row] = make_score([made], *SHOWN)
    return scores, folders


def test_over_classes_one_seed_distinguishes_large_and_small_differences(column):
    scores, folders = column
    found = compare_column(scores, OverClasses(folders))
    assert found["best"].best and found["near"].tied and not found["far"].tied
    assert found["far"].probability < 0.01
    assert all(item.probability is None for item in compare_column(scores, OverSeeds()).values())


def naive(predictions, metric):
    """Accuracy of each class the metric is about, row by row."""
    accuracies = []
    tested_seen = len(predictions.labels) - len(predictions.zsl)
    for c, seen in enumerate(predictions.seen):
        rows = [i for i, label in enumerate(predictions.labels) if label == c]
        if not rows or (metric in ("U", "T1") and seen) or (metric == "S" and not seen):
            continue
        if metric == "T1":
            hits = [predictions.zsl[i - tested_seen] == c for i in rows]
        else:
            hits = [
                (predictions.best_seen[i] if predictions.gap[i] >= 0 else predictions.best_unseen[i]) == c
                for i in rows
            ]
        accuracies.append(100 * sum(hits) / len(rows))
    return accuracies


@pytest.mark.parametrize("metric", OverClasses.METRICS)
def test_it_is_wilcoxons_over_the_classes_that_the_metric_is_about(column, metric):
    from gzslbench.evaluation.predictions import load_predictions

    scores, folders = column
    kept = {
        row: load_predictions(folders[item.entries[0].summary.id].predictions_file)
        for row, item in scores.items()
    }
    one, two = (naive(kept[row], metric) for row in ("best", "far"))
    assert len(one) == {"U": UNSEEN, "S": SEEN, "T1": UNSEEN}[metric]
    found = OverClasses(folders)(*(replace(scores[row], metric=metric) for row in ("best", "far")))
    differences = [round(first - second, 9) for first, second in zip(one, two, strict=True)]
    assert found == pytest.approx(wilcoxon(differences).pvalue)


def test_without_the_predictions_of_this_number_there_is_no_probability(column):
    scores, folders = column
    best, far = scores["best"], scores["far"]
    assert OverClasses(folders)(replace(best, rule="val"), replace(far, rule="val")) is None
    folders[far.entries[0].summary.id].predictions_file.unlink()
    assert OverClasses(folders)(best, far) is None
    both = replace(best, entries=[*best.entries, *far.entries])  # one of two seeds without its predictions
    assert OverClasses(folders)(both, scores["near"]) is None


def test_five_classes_are_too_few(column, monkeypatch):
    scores, folders = column
    monkeypatch.setattr("gzslbench.report.leaderboard.significance.MIN_CLASSES", UNSEEN + 1)
    assert OverClasses(folders)(scores["best"], scores["far"]) is None


def test_a_table_keeps_the_test_it_was_made_with(column):
    scores, folders = column
    entries = [entry for item in scores.values() for entry in item.entries]
    test = OverClasses(folders)
    (board,), _ = boards(entries, "last", "U", test)
    assert board.test is test
    assert {row.label: row.scores["AWA2"].tied for row in board.rows}["near"]


def test_three_seeds_of_odd_rows_are_equal_where_they_differ_by_rounding_alone(entry, tmp_path):
    store, random = Store(tmp_path), np.random.default_rng(1)
    folders, rows = {}, {"a": [], "b": []}
    kept = [read_predictions(0.7, random) for _ in range(3)]
    for row, order in (("a", (0, 1, 2)), ("b", (2, 0, 1))):
        for seed, place in enumerate(order):
            made = entry(row, H=70.0, seed=seed)
            folder = store.run(made.summary.id)
            folder.path.mkdir()
            save_predictions(folder.predictions_file, kept[place])
            folders[folder.id] = folder
            rows[row].append(made)
    a, b = (make_score(found, *SHOWN) for found in rows.values())
    assert OverClasses(folders)(a, b) == 1.0


def test_a_row_that_is_ahead_on_every_shared_seed_is_not_worse_though_its_mean_is_lower(entry):
    best = make_score([entry("a", H=H, seed=s) for s, H in enumerate((50.0, 51.0, 50.5, 70.0, 71.0))], *SHOWN)
    other = make_score([entry("b", H=H, seed=s) for s, H in enumerate((55.0, 56.2, 55.4))], *SHOWN)
    found = compare_column({"a": best, "b": other}, OverSeeds())
    assert found["a"].best and found["b"].tied and found["b"].probability == 1.0
