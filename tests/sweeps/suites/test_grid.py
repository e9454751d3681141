from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gzslbench_methods
from gzslbench.errors import ParamError
from gzslbench.sweeps.suites.schema import GridEntry
from gzslbench.sweeps.suites.suite import expand_grid, load_suite


def entries_of(grid):
    """The entries of a grid, without the keys that it leaves out."""
    return (msgspec.to_builtins(entry) for entry in expand_grid(msgspec.convert(grid, GridEntry)))


METHODS, DATASETS = ["eszsl", "sae", "ale"], ["digits", "synthetic"]


@given(
    st.lists(st.sampled_from(METHODS), min_size=1, unique=True),
    st.lists(st.sampled_from(DATASETS), min_size=1, unique=True),
    st.lists(st.tuples(st.sampled_from(METHODS), st.sampled_from(DATASETS)), max_size=3),
)
def test_a_grid_is_the_product_without_the_exclusions(methods, datasets, excluded):
    excluded = [pair for pair in excluded if pair[0] in methods and pair[1] in datasets]
    grid = {
        "method": methods, "dataset": datasets, "seeds": [1],
        "exclude": [{"method": method, "dataset": [dataset]} for method, dataset in excluded],
    }  # fmt: skip
    expected = [pair for pair in itertools.product(methods, datasets) if pair not in excluded]
    if not expected:
        with pytest.raises(ValueError, match="excluded"):
            list(entries_of(grid))
        return
    assert [(entry["method"], entry["dataset"]) for entry in entries_of(grid)] == expected


def test_a_grid_of_too_many_runs_is_refused_before_they_are_listed():
    grid = {"method": ["cnzsl"], "dataset": ["digits"], "seeds": [1]}
    values = list(range(1, 101))
    with pytest.raises(ValueError, match="100,000,000 runs, more than 100,000"):
        next(entries_of({**grid, "set": dict.fromkeys(("lr", "hidden", "scale", "seen_factor"), values)}))


@pytest.mark.parametrize(
    ("exclusion", "left"),
    [
        ({"dataset": "CUB/sent"}, ["CUB/att", "FLO"]),
        ({"dataset": ["CUB/sent", "FLO"]}, ["CUB/att"]),
        ({"dataset": "CUB"}, ["FLO"]),
        ({"semantics": "att"}, ["CUB/sent", "FLO"]),
    ],
)
def test_an_exclusion_may_name_a_dataset_with_its_semantics(exclusion, left):
    grid = {"method": "sae", "dataset": ["CUB/att", "CUB/sent", "FLO"], "seeds": [1], "exclude": [exclusion]}
    assert [entry["name"] for entry in entries_of(grid)] == [f"sae on {name}" for name in left]


def test_values_of_parameters_and_semantics_after_a_slash_are_axes_too():
    grid = {
        "method": "ce-gzsl", "dataset": ["CUB/sent", "FLO"], "seeds": [1, 2],
        "set": {"syn_num": [10, 20], "ngh": 8}, "eval_every": 3,
    }  # fmt: skip
    entries = list(entries_of(grid))
    assert [entry["name"] for entry in entries] == [
        "ce-gzsl on CUB/sent, syn_num=10", "ce-gzsl on CUB/sent, syn_num=20",
        "ce-gzsl on FLO, syn_num=10", "ce-gzsl on FLO, syn_num=20",
    ]  # fmt: skip
    assert entries[0] == {
        "name": entries[0]["name"], "method": "ce-gzsl", "dataset": "CUB", "semantics": "sent",
        "seeds": [1, 2], "eval_every": 3, "set": {"syn_num": 10, "ngh": 8},
    }  # fmt: skip


HEAD = 'title = "t"\n\n[[runs]]\nname = "a"\nmethod = "eszsl"\ndataset = "digits"\nseeds = [1]\n\n'


@pytest.mark.parametrize(
    ("grid", "words", "line"),
    [
        ('method = "eszsl"\nseeds = [1]', "'dataset' is missing", 9),
        ('method = []\ndataset = "digits"\nseeds = [1]', "method: expected array of length >= 1", 9),
        ('method = "eszsl"\ndataset = "digits"\nseeds = [-1]', "seeds: expected int >= 0", 9),
        ('method = "eszsl"\ndataset = "digits"', "'seeds' is missing", 9),
        ('method = "eszsl"\ndataset = "digits"\nseeds = [1]\nepoch = 3', "unknown key 'epoch'", 9),
        ('method = "eszsl"\ndataset = "digits"\nseeds = [1]\nexclude = [{methods = "x"}]', "'methods'", 9),
        ('method = "eszsl"\ndataset = "digits"\nseeds = [1]\nexclude = [{method = "eszsl"}]', "every run", 9),
        ('method = "eszsl"\ndataset = "digits"\nseeds = [1]\nexclude = [{method = "sae"}]', "no run", 9),
        ('method = ["sae", "ale"]\ndataset = "digits"\nseeds = [1]\nname = "all"', "2 runs", 9),
    ],
)
def test_an_error_in_a_grid_names_its_line(tmp_path, grid, words, line):
    path = tmp_path / "mine.toml"
    path.write_text(f"{HEAD}[[ grids ]]\n{grid}\n")
    with pytest.raises(ParamError) as caught:
        load_suite(str(path))
    assert words in str(caught.value) and f"{path}, line {line}" in str(caught.value)


def test_settings_of_an_unknown_method_are_refused_with_the_nearest_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f"{HEAD}[settings.esszl]\nalpha = 1\n")
    with pytest.raises(
        ParamError, match=r"\[settings.esszl\] is not a method of this suite; did you mean 'eszsl'"
    ):
        load_suite(str(path))


def test_a_suite_without_runs_or_with_an_unknown_key_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    for text, words in (('title = "t"\n', "neither"), (f"{HEAD}[[run]]\nname = 1\n", "unknown key 'run'")):
        path.write_text(text)
        with pytest.raises(ParamError, match=words):
            load_suite(str(path))


def test_a_star_stands_for_every_method_that_comes_with_gzslbench_and_needs_no_image_text_model():
    folders = [file.parent.name for file in Path(gzslbench_methods.__file__).parent.glob("*/defaults.toml")]
    found = [entry["method"] for entry in entries_of({"method": "*", "dataset": "digits", "seeds": [1]})]
    assert found == sorted({folder.replace("_", "-") for folder in folders} - {"genzsl", "zero-shot-clip"})
    assert len(found) >= 16


def test_a_star_leaves_out_the_methods_that_the_suite_writes_out(tmp_path):
    run = '[[runs]]\nname = "mine"\nmethod = "eszsl"\nseeds = [1]\n'
    grid = '[[grids]]\nmethod = "*"\ndataset = "digits"\nseeds = [1]\n'
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "t"\n[shared]\ndataset = "digits"\n{run}{grid}')
    methods = [run.request.method for run in load_suite(str(path)).runs]
    assert methods.count("eszsl") == 1
    assert len(methods) == len(set(methods)) >= 16
    path.write_text(path.read_text() + '[[grids]]\nmethod = "*"\ndataset = "synthetic"\nseeds = [1]\n')
    assert len(load_suite(str(path)).runs) == 2 * len(methods) - 1
