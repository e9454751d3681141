from __future__ import annotations

from gzslbench.report.leaderboard.entry import find_sweeps


def values(sweep):
    return {value: sorted(each.seed for each in found) for value, found in sweep.items()}


def test_runs_that_differ_in_the_parameter_and_the_seed_alone_are_one_sweep(entry):
    runs = [entry(seed=seed, changes={"syn_num": count}) for count in (400, 100) for seed in (1, 2)]
    (found,) = find_sweeps([*runs, entry(seed=3, changes={"syn_num": 400})], "syn_num")
    assert values(found) == {100: [1, 2], 400: [1, 2, 3]}
    assert list(found) == [100, 400]


def test_whatever_else_differs_parts_them(entry):
    others = [
        entry(changes={"syn_num": 100}),
        entry(changes={"syn_num": 200, "lr": 1e-3}),
        entry("sae", changes={"syn_num": 300}),
        entry(changes={"syn_num": 400}, dataset="CUB"),
        entry(changes={"syn_num": 500}, protocol=2),
    ]
    assert list(find_sweeps(others, "syn_num")) == []
    also = entry(changes={"syn_num": 250, "lr": 1e-3})
    (found,) = find_sweeps([*others, also], "syn_num")
    assert values(found) == {200: [0], 250: [0]}


def test_what_is_no_number_or_has_one_value_is_no_sweep(entry):
    runs = [entry(changes={"variant": name, "flag": flag}) for name in "ab" for flag in (True, False)]
    assert (
        list(find_sweeps(runs, "variant"))
        == list(find_sweeps(runs, "flag"))
        == list(find_sweeps(runs, "nothing"))
        == []
    )
    assert list(find_sweeps([entry(seed=seed, changes={"syn_num": 5}) for seed in (1, 2)], "syn_num")) == []
