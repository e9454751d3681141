from __future__ import annotations

import math

import pytest

from gzslbench.errors import ParamError
from gzslbench.plugins.params import parse_assignments
from gzslbench.plugins.presets import preset
from gzslbench.plugins.registry import plugins
from gzslbench.sweeps.suites.suite import bundled_suites, load_suite

TINY = """
title = "Two seeds and a control"
[shared]
dataset = "digits"
eval_every = 1
[settings.ce-gzsl]
ngh = 8
[[runs]]
name = "small"
method = "ce-gzsl"
set = { ndh = 8 }
seeds = [1, 2]
epochs = 2
at = 1
"""


@pytest.mark.parametrize("name", sorted(bundled_suites()))
def test_every_bundled_suite_names_known_methods_and_parameters(name):
    suite = load_suite(name)
    assert suite.runs
    for run in suite.runs:
        spec = plugins().method(run.request.method)
        parse_assignments(spec.params, run.request.settings)
        is_chosen = (run.request.select, run.request.calibrate) != ("last", "none")
        if run.request.epochs is None or is_chosen:
            assert run.at is None
            continue
        assert 1 <= run.at <= run.request.epochs
        every = run.request.eval_every
        assert run.at == run.request.epochs or (every and run.at % every == 0)


def test_the_settings_of_a_run_add_to_those_of_its_method(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    (run,) = load_suite(str(path)).runs
    assert run.request.settings == ("ngh=8", "ndh=8")
    assert (run.request.seeds, run.request.epochs, run.at) == ((1, 2), 2, 1)


def test_a_suite_may_name_a_tolerance_that_is_a_number_of_points(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    assert load_suite(str(path)).tolerance is None
    path.write_text("tolerance = 5\n" + TINY)
    assert load_suite(str(path)).tolerance == 5
    for wrong in ("0", "true", '"wide"', "inf"):
        path.write_text(f"tolerance = {wrong}\n" + TINY)
        with pytest.raises(ParamError, match=r"tolerance: expected .*float"):
            load_suite(str(path))


def test_a_run_may_have_its_own_evaluations_and_precision(tmp_path):
    path = tmp_path / "tiny.toml"
    lowered = TINY[TINY.index("[[runs]]") :] + 'eval_every = 2\nprecision = "bf16"\n'
    path.write_text(TINY + lowered.replace("at = 1", "at = 2").replace('"small"', '"other"'))
    first, second = (run.request for run in load_suite(str(path)).runs)
    assert (first.eval_every, first.precision) == (1, "fp32")
    assert (second.eval_every, second.precision) == (2, "bf16")


@pytest.mark.parametrize("changed", ['head = "zlap"', 'precision = "bf16"', "set = { syn_num = 7 }"])
def test_two_settings_of_one_name_are_refused_because_they_would_be_averaged(tmp_path, changed):
    path = tmp_path / "tiny.toml"
    entry = '[[runs]]\nname = "mine"\nmethod = "f-clswgan"\ndataset = "digits"\nepochs = 2\n'
    same = 'title = "t"\n' + entry + "seeds = [1]\n" + entry + "seeds = [2]\n"
    path.write_text(same)
    assert len(load_suite(str(path)).runs) == 2
    path.write_text(same + changed + "\n")
    with pytest.raises(ParamError, match="two different settings have the name 'mine'") as caught:
        load_suite(str(path))
    assert "line 8" in caught.value.where and "line 2" in caught.value.what


def test_a_grid_with_a_head_says_so_in_the_names_of_its_runs(tmp_path):
    path = tmp_path / "tiny.toml"
    grid = '[[grids]]\nmethod = "f-clswgan"\ndataset = "digits"\nepochs = 2\nseeds = [1]\n'
    path.write_text('title = "t"\n' + grid + grid + 'head = "zlap"\n')
    names = [run.name for run in load_suite(str(path)).runs]
    assert names == ["f-clswgan on digits", "f-clswgan on digits, head=zlap"]


def test_flo_runs_the_presets_on_a_gpu_at_every_precision_with_ten_to_twenty_evaluations():
    suite = load_suite("flo")
    for run in suite.runs:
        request = run.request
        chosen = preset(plugins().method(request.method), request.dataset, "att")
        assert request.settings == () and request.epochs == run.at == chosen.values["epochs"]
        assert chosen.table == "FLO" and len(request.seeds) == 5 and request.device == "cuda"
        assert 10 <= math.ceil(request.epochs / request.eval_every) <= 20
    precisions = {(run.name, run.request.precision) for run in suite.runs if run.request.method == "ce-gzsl"}
    assert precisions == {("ce-gzsl", "fp32"), ("ce-gzsl, tf32", "tf32"), ("ce-gzsl, bf16", "bf16")}
    assert "f-clswgan" in {run.request.method for run in suite.runs}


def test_a_run_may_have_a_head_and_a_claim_must_name_runs(tmp_path):
    path = tmp_path / "tiny.toml"
    headed = TINY + 'head = "zlap"\nhead_set = { epochs = 3 }\n'
    claim = '[[claims]]\nmethod = "zlap"\ntext = "?"\nbetter = "small"\nthan = "smal"\n'
    path.write_text(headed)
    (run,) = load_suite(str(path)).runs
    assert (run.request.head, run.request.head_settings) == ("zlap", ("epochs=3",))
    path.write_text(headed + claim)
    with pytest.raises(ParamError, match="no runs 'smal'; did you mean 'small'"):
        load_suite(str(path))


def test_the_error_for_an_unknown_suite_names_the_nearest():
    with pytest.raises(ParamError, match="did you mean 'flo-lite0'"):
        load_suite("flo-lite")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title", "titel", "title"),
        ("seeds =", "seed =", "unknown key 'seed'"),
        ("seeds = [1, 2]\n", "", "seeds"),
        ('dataset = "digits"', 'datas = "digits"', "datas"),
        ("[[runs]]", "[[runs]", ""),
        ("at = 1", "at = 3", "not evaluated at = 3"),
        ("at = 1", "at = 0", "not evaluated at = 0"),
        ("eval_every = 1", "eval_every = 0", "not evaluated at = 1"),
        ("eval_every = 1", 'eval_every = 1\nselect = "val"', "leave out at"),
    ],
)
def test_a_file_that_is_not_a_suite_is_refused_by_name(tmp_path, old, new, words):
    path = tmp_path / "broken.toml"
    path.write_text(TINY.replace(old, new))
    with pytest.raises(ParamError, match="not a suite") as caught:
        load_suite(str(path))
    assert words in str(caught.value) and str(path) in str(caught.value)


GRID = 'title = "t"\n[[grids]]\ndataset = "digits"\nseeds = [1]\n'
RUN = '[[runs]]\nname = "a"\nmethod = "eszsl"\nseeds = [1]\n'


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (f"{GRID}method = 3", "method: expected str | array, got int", ", line 2"),
        (f'{GRID}method = [["sae"]]', "method: expected str, got array", ", line 2"),
        (f'{GRID}method = "sae"\nset = [1]', "set: expected table, got array", ", line 2"),
        (f'{GRID}method = "sae"\nexclude = "sae"', "exclude: expected array, got str", ", line 2"),
        (f'{GRID}method = "sae"\nexclude = ["sae"]', "exclude: expected table, got str", ", line 2"),
        (
            f'{GRID}method = "sae"\nepochs = true',
            "epochs: expected int | array, got bool",
            ", line 2",
        ),
        ('title = "t"\ngrids = 3', "grids: expected array, got int", ""),
        ('titel = "t"', "unknown key 'titel'; did you mean 'title'", ""),
        (f"{RUN}", "'title' is missing", ""),
        (
            f'title = "t"\n[shared]\ndatset = "x"\n{RUN}',
            "unknown key 'datset'; did you mean 'dataset'",
            ", line 2",
        ),
        (f'title = "t"\nshared = 1\n{RUN}', "shared: expected table, got int", ""),
        (
            f'title = "t"\n[settings]\neszsl = 1\n{RUN}',
            "settings: expected table, got int",
            ", line 2",
        ),
        (f'title = "t"\n{RUN}'.replace("[1]", "[1, 1]"), "has one twice", ", line 2"),
    ],
)
def test_a_value_of_a_wrong_type_is_named_with_its_key_and_line(tmp_path, text, words, line):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ParamError) as caught:
        load_suite(str(path))
    assert words in caught.value.what and str(caught.value.where) == f"{path}{line}"
    assert caught.value.fix.endswith("digits.toml")


def test_a_grid_calibrates_or_shuffles_its_runs(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(
        'title = "controls"\n[shared]\nselect = "val"\n'
        '[[grids]]\nmethod = "eszsl"\ndataset = "digits"\nseeds = [1]\ncalibrate = ["none", "val"]\n'
        '[[grids]]\nmethod = "eszsl"\ndataset = "digits"\nseeds = [1]\nshuffle_semantics = 3\n'
    )
    plain, calibrated, shuffled = load_suite(str(path)).runs
    assert [run.name for run in (plain, calibrated)] == [
        "eszsl on digits, calibrate=none",
        "eszsl on digits, calibrate=val",
    ]
    assert (plain.request.calibrate, calibrated.request.calibrate) == ("none", "val")
    assert shuffled.name == "eszsl on digits, semantics shuffled"
    assert (shuffled.request.shuffle_semantics, plain.request.shuffle_semantics) == (3, None)


def test_fine_tuned_features_have_others_for_validation(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(
        'title = "fine-tuned"\n[shared]\nfeatures = "own"\nvalidation_features = "shared"\n'
        '[[grids]]\nmethod = "eszsl"\ndataset = "digits"\nseeds = [1]\n'
        '[[grids]]\nmethod = "sae"\ndataset = "digits"\nseeds = [1]\nvalidation_features = "of the grid"\n'
        '[[runs]]\nname = "ale"\nmethod = "ale"\nseeds = [1]\ndataset = "digits"\n'
        'validation_features = "of the run"\n'
    )
    found = {run.request.method: run.request.validation_features for run in load_suite(str(path)).runs}
    assert found == {"eszsl": "shared", "sae": "of the grid", "ale": "of the run"}


def test_a_calibrated_run_is_not_read_at_an_earlier_epoch(tmp_path):
    path = tmp_path / "suite.toml"
    path.write_text(
        'title = "t"\n[[runs]]\nname = "one"\nmethod = "ce-gzsl"\ndataset = "digits"\nseeds = [1]\n'
        'epochs = 4\nat = 2\neval_every = 2\ncalibrate = "val"\n'
    )
    with pytest.raises(ParamError, match="chooses gamma on validation classes: leave out at"):
        load_suite(str(path))
