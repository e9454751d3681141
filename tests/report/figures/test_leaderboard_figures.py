from __future__ import annotations

from gzslbench.evaluation.predictions import save_predictions
from gzslbench.evaluation.uncertainty import class_intervals, class_shares
from gzslbench.report.figures.leaderboards import figures_of_boards
from gzslbench.report.leaderboard.board import boards
from gzslbench.report.leaderboard.stored_classes import StoredClasses

DATASETS = ("AWA2", "CUB", "FLO")


def found(entries, metric="H"):
    return {drawing.name: drawing for drawing in figures_of_boards(boards(entries, "last", metric)[0])}


def test_three_methods_on_several_datasets_have_a_critical_difference(entry):
    entries = [
        entry(50.0 + 5 * place + 2 * number, row=row, dataset=dataset)
        for place, row in enumerate(("sae", "eszsl", "ce-gzsl"))
        for number, dataset in enumerate(DATASETS)
    ]
    (drawing,) = found(entries, "U").values()
    assert drawing.name == "critical-difference" and "by U" in drawing.title
    texts = [text.get_text().strip() for text in drawing.draw().axes[0].texts]
    assert "1.00  ce-gzsl" in texts and "sae  3.00" in texts


def test_the_reason_says_what_a_critical_difference_lacks(entry):
    two = [entry(50.0, row=row, dataset=dataset) for row in ("a", "b") for dataset in DATASETS]
    partly = [*two, entry(50.0, row="c", dataset="AWA2")]
    for entries, here in ((two, "2 and 3"), (partly, "3 and 1")):
        drawing = found(entries)["critical-difference"]
        assert drawing.draw is None
        assert drawing.reason.startswith("it needs three methods and two datasets")
        assert drawing.reason.endswith(f"there are {here}")


def test_several_boards_are_numbered_and_say_how_they_differ(entry):
    drawings = found([entry(50.0), entry(60.0, lr=0.5)])
    assert list(drawings) == ["critical-difference-1", "critical-difference-2"]
    assert "parameters differ from the presets" in drawings["critical-difference-2"].title
    assert "parameters differ" not in drawings["critical-difference-1"].title


def test_the_curves_of_all_rows_with_predictions_are_in_one_plot_per_dataset(
    entry, random_predictions, tmp_path
):
    entries = [entry(50.0, row=row, dataset=name) for name in ("AWA2", "CUB") for row in ("a", "b", "c")]
    for at, item in enumerate(entries[:3] + entries[5:]):
        item.folder.path.mkdir()
        save_predictions(item.folder.predictions_file, random_predictions(20 + at, 8))
    drawings = {
        drawing.name: drawing for drawing in figures_of_boards(boards(entries, "last", "H")[0], curves=True)
    }
    named = [line.get_label() for line in drawings["seen-unseen-AWA2"].draw().axes[0].lines]
    assert sorted(name[0] for name in named if "AUSUC" in name) == ["a", "b", "c"]
    assert drawings["seen-unseen-CUB"].draw is None
    assert drawings["seen-unseen-CUB"].reason == "it needs predictions of two rows by last; there are 1"


def test_curves_have_the_intervals_over_classes_of_their_own_run_where_the_table_has_them(
    entry, random_predictions, tmp_path
):
    entries = [entry(50.0, row=row) for row in "ab"]
    predictions = [random_predictions(seed, 8) for seed in (20, 21)]
    for item, found in zip(entries, predictions, strict=True):
        item.folder.path.mkdir()
        save_predictions(item.folder.predictions_file, found)
    low, high = class_intervals(class_shares(predictions[0]))["H"]
    for classes, shown in ((StoredClasses(), True), (None, False)):
        tables = boards(entries, "last", "H", classes=classes)[0]
        drawings = figures_of_boards(tables, curves=True)
        (drawing,) = (item for item in drawings if item.name.startswith("seen"))
        texts = [text.get_text() for text in drawing.draw().legends[0].get_texts()]
        assert any(text.startswith("a: ") and f"({low:.1f} to {high:.1f})" in text for text in texts) == shown
