from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from gzslbench.evaluation.calibration import calibrate
from gzslbench.evaluation.metrics import metrics_of
from gzslbench.evaluation.predictions import Predictions, load_predictions, save_predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares, compare_over_classes
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.entry import compare_column, make_score
from gzslbench.report.leaderboard.significance import Outcome, OverClasses, OverSeeds
from gzslbench.report.leaderboard.stored_classes import StoredClasses, read_class_shares

SEEN, UNSEEN, ROWS = 12, 16, 29
SHOWN = ("last", "U")


def over_classes():
    return OverClasses(StoredClasses())


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
def column(entry):
    """Rows of one seed, with their predictions."""
    random = np.random.default_rng(0)
    scores = {}
    for row, skill in (("best", 0.8), ("near", 0.78), ("far", 0.6)):
        made = entry(row, H=100 * skill, seed=1)  # and U half of it
        made.folder.path.mkdir()
        save_predictions(made.folder.predictions_file, read_predictions(skill, random))
        scores[row] = make_score([made], *SHOWN)
    return scores


def test_over_classes_one_seed_distinguishes_large_and_small_differences(column):
    scores = column
    found = compare_column(scores, over_classes())
    assert found["best"].best and found["near"].tied and not found["far"].tied
    assert found["far"].probability < 0.01
    assert all(item.probability is None for item in compare_column(scores, OverSeeds()).values())


@pytest.mark.parametrize("metric", ["U", "S", "H", "T1", "AUSUC"])
def test_it_is_the_paired_bootstrap_of_the_stored_predictions(column, metric):
    scores = column
    one, two = (
        class_shares(load_predictions(scores[row].entries[0].folder.predictions_file))
        for row in ("best", "far")
    )
    expected = compare_over_classes(one, two, metric)
    found = over_classes()(*(replace(scores[row], metric=metric) for row in ("best", "far")))
    assert found == (pytest.approx(expected.probability), 100 * expected.error, expected.degrees)
    back = over_classes()(*(replace(scores[row], metric=metric) for row in ("far", "best")))
    assert back.probability == 1.0  # what is not the best is ahead


def test_without_the_predictions_of_this_number_there_is_no_probability(column):
    scores = column
    best, far = scores["best"], scores["far"]
    assert over_classes()(replace(best, rule="val"), replace(far, rule="val")) is None
    far.entries[0].folder.predictions_file.unlink()
    assert over_classes()(best, far) is None
    both = replace(best, entries=[*best.entries, *far.entries])  # one of two seeds without its predictions
    assert over_classes()(both, scores["near"]) is None


def test_five_classes_are_too_few(column, monkeypatch):
    scores = column
    monkeypatch.setattr("gzslbench.evaluation.uncertainty.MIN_CLASSES", UNSEEN + 1)
    assert over_classes()(scores["best"], scores["far"]) is None


def test_a_table_keeps_the_test_it_was_made_with(column):
    scores = column
    entries = [entry for item in scores.values() for entry in item.entries]
    test = over_classes()
    (board,), _ = boards(entries, "last", "U", test)
    assert board.test is test
    assert {row.label: row.scores["AWA2"].tied for row in board.rows}["near"]


def test_three_seeds_of_odd_rows_are_equal_where_they_differ_by_rounding_alone(entry):
    random = np.random.default_rng(1)
    rows = {"a": [], "b": []}
    kept = [read_predictions(0.7, random) for _ in range(3)]
    for row, order in (("a", (0, 1, 2)), ("b", (2, 0, 1))):
        for seed, place in enumerate(order):
            made = entry(row, H=70.0, seed=seed)
            made.folder.path.mkdir()
            save_predictions(made.folder.predictions_file, kept[place])
            rows[row].append(made)
    a, b = (make_score(found, *SHOWN) for found in rows.values())
    assert over_classes()(a, b).probability == pytest.approx(1.0)


def test_a_row_that_is_ahead_on_every_shared_seed_is_not_worse_though_its_mean_is_lower(entry):
    best = make_score([entry("a", H=H, seed=s) for s, H in enumerate((50.0, 51.0, 50.5, 70.0, 71.0))], *SHOWN)
    other = make_score([entry("b", H=H, seed=s) for s, H in enumerate((55.0, 56.2, 55.4))], *SHOWN)
    found = compare_column({"a": best, "b": other}, OverSeeds())
    assert found["a"].best and found["b"].tied and found["b"].probability == 1.0


def test_the_detectable_difference_is_found_in_80_of_100_cases():
    for degrees, level in ((2, 0.05), (9, 0.05), (49, 0.05 / 15)):
        limit, shift = student.ppf(1 - level / 2, degrees), Outcome(0.5, 2.0, degrees).detectable(level) / 2.0
        found = nct.sf(limit, degrees, shift) if degrees > 2 else simulated_power(degrees, limit, shift)
        assert found == pytest.approx(0.8, abs=0.01 if degrees == 2 else 1e-4)


def simulated_power(degrees, limit, shift):
    random = np.random.default_rng(0)
    spread = np.sqrt(random.chisquare(degrees, 40_000) / degrees)
    return np.mean((random.standard_normal(40_000) + shift) / spread > limit)


def test_a_detectable_difference_stands_by_each_probability(entry):
    numbers = {
        "best": (60.0, 62.0, 61.0),
        "near": (60.0, 61.0, 62.0),
        "far": (40.0, 43.0, 41.0),
        "one": (50.0,),
    }
    column = {
        row: make_score([entry(row, H=H, seed=seed) for seed, H in enumerate(values)], *SHOWN[:1], "H")
        for row, values in numbers.items()
    }
    found = compare_column(column, OverSeeds())
    for row in ("near", "far"):
        differences = np.subtract(numbers["best"], numbers[row])
        error = differences.std(ddof=1) / 3**0.5
        assert found[row].detectable == pytest.approx(
            Outcome(0.5, error, 2).detectable(0.05 / 2)
        )  # two tests
    assert found["best"].detectable is None and found["one"].detectable is None


def test_a_score_has_the_interval_over_classes_of_the_mean_over_its_seeds(column, entry):
    scores = column
    kept = [scores[row].entries[0] for row in ("near", "far")]
    intervals = StoredClasses().intervals(kept, "last")
    shares = [class_shares(load_predictions(one.folder.predictions_file)) for one in kept]
    means = [np.concatenate(pair) for pair in zip(*((one.U, one.S, one.T1) for one in shares), strict=True)]
    joined = replace(
        shares[0], U=means[0], S=means[1], T1=means[2], area=(shares[0].area + shares[1].area) / 2
    )
    assert intervals == class_intervals(joined)
    (board,), _ = boards(kept, "last", "U", classes=StoredClasses())
    by_row = {row.label: row.scores["AWA2"].class_interval for row in board.rows}
    assert (
        by_row["near"] == class_intervals(shares[0])["U"] and by_row["far"] == class_intervals(shares[1])["U"]
    )
    assert boards(kept, "last", "U")[0][0].rows[0].scores["AWA2"].class_interval is None  # nobody wants it


def test_predictions_are_read_once_and_not_before_they_are_needed(column, monkeypatch):
    scores = column
    reads = []
    monkeypatch.setattr(
        "gzslbench.report.leaderboard.stored_classes.read_class_shares",
        lambda run, folder, rule: reads.append(run.id) or read_class_shares(run, folder, rule),
    )
    classes = StoredClasses()
    assert reads == []
    for metric in ("U", "S", "H"):
        for score in scores.values():
            make_score(score.entries, "last", metric, classes)
    assert len(reads) == 3


def test_calibrated_numbers_have_intervals_of_calibrated_predictions(column):
    scores = column
    run, folder = scores["best"].entries[0].summary, scores["best"].entries[0].folder
    metrics = {**run.metrics, "last-calibrated": replace(run.metrics["last"], gamma=0.5)}
    kept = load_predictions(folder.predictions_file)
    save_predictions(folder.predictions_file, replace(kept, gap=kept.gap / 3))
    shares = read_class_shares(replace(run, metrics=metrics), folder, "last-calibrated")
    expected = metrics_of(calibrate(load_predictions(folder.predictions_file), 0.5))
    assert (100 * shares.U.mean(), 100 * shares.S.mean()) == pytest.approx((expected.U, expected.S))
    for peek in ("test-peek", "val"):  # the predictions are not those of these epochs
        assert (
            read_class_shares(replace(run, metrics={**metrics, peek: run.metrics["last"]}), folder, peek)
            is None
        )
