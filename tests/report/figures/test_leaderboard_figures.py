from __future__ import annotations

from gzslbench.report.figures.leaderboards import figures_of_boards
from gzslbench.report.leaderboard.board import boards

DATASETS = ("AWA2", "CUB", "FLO")


def found(entries, metric="H"):
    return {each.name: each for each in figures_of_boards(boards(entries, "last", metric)[0])}


def test_three_methods_on_several_datasets_have_scores_and_ranks(entry):
    entries = [
        entry(50.0 + 5 * place + 2 * number, row=row, dataset=dataset)
        for place, row in enumerate(("sae", "eszsl", "ce-gzsl"))
        for number, dataset in enumerate(DATASETS)
    ]
    drawings = found(entries, "U")
    assert list(drawings) == ["scores", "critical-difference", "sensitivity"]
    assert all("U" in drawings[name].title for name in ("scores", "critical-difference"))
    panels = drawings["scores"].draw().axes
    assert [axes.get_title(loc="left") for axes in panels] == list(DATASETS)
    texts = [text.get_text().strip() for text in drawings["critical-difference"].draw().axes[0].texts]
    assert "1.00  ce-gzsl" in texts and "sae  3.00" in texts
    assert drawings["sensitivity"].draw is None and "syn_num" in drawings["sensitivity"].reason


def test_what_a_critical_difference_lacks_is_said(entry):
    two = [entry(50.0, row=row, dataset=dataset) for row in ("a", "b") for dataset in DATASETS]
    partly = [*two, entry(50.0, row="c", dataset="AWA2")]
    for entries, here in ((two, "2 and 3"), (partly, "3 and 1")):
        drawing = found(entries)["critical-difference"]
        assert drawing.draw is None
        assert drawing.reason.startswith("it needs three methods and two datasets")
        assert drawing.reason.endswith(f"there are {here}")


def test_several_boards_are_numbered_and_say_what_they_are_of(entry):
    drawings = found([entry(50.0), entry(60.0, lr=0.5)])
    assert list(drawings) == [
        "scores-1",
        "critical-difference-1",
        "scores-2",
        "critical-difference-2",
        "sensitivity",
    ]
    assert "parameters differ from the presets" in drawings["scores-2"].title
    assert "parameters differ" not in drawings["scores-1"].title


def test_each_method_and_dataset_with_two_values_has_a_sensitivity(entry):
    entries = [
        entry(40.0 + value / 100, seed, row=row, dataset=dataset, syn_num=value)
        for row in ("ce-gzsl", "f-clswgan")
        for dataset in ("AWA2", "CUB")
        for value in (100, 200)
        for seed in (1, 2)
    ]
    entries += [entry(50.0, row="cada-vae", syn_num=100), entry(50.0, status="diverged", syn_num=300)]
    drawings = {name: each for name, each in found(entries).items() if name.startswith("sensitivity")}
    assert set(drawings) == {
        f"sensitivity-syn_num-{row}-{dataset}"
        for row in ("ce-gzsl", "f-clswgan")
        for dataset in ("AWA2", "CUB")
    }
    lines = drawings["sensitivity-syn_num-ce-gzsl-CUB"].draw().axes[0].lines
    assert {line.get_label(): line.get_xydata().tolist() for line in lines}["H"] == [[100, 41], [200, 42]]


def test_sweeps_of_one_name_are_numbered(entry):
    entries = [entry(50.0, syn_num=value, lr=lr) for value in (100, 200) for lr in (0.1, 0.2)]
    names = [name for name in found(entries) if name.startswith("sensitivity")]
    assert names == ["sensitivity-syn_num-ce-gzsl-AWA2-1", "sensitivity-syn_num-ce-gzsl-AWA2-2"]


def test_names_of_methods_are_no_paths(entry):
    for row, stem in (
        ("../../x", "x"),
        ("ce-gzsl, in bf16", "ce-gzsl_in_bf16"),
        ("..", "_"),
        ("a\x00b\n", "a_b"),
    ):
        entries = [entry(50.0, row=row, syn_num=value) for value in (100, 200)]
        assert f"sensitivity-syn_num-{stem}-AWA2" in found(entries)
