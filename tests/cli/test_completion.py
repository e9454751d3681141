"""The shell completes names of methods, datasets, files, parameters, suites and runs."""

from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete

from gzslbench.cli import main
from gzslbench.prepare.synthetic_folder import write_synthetic_folder


def completions(*words):
    *words, last = words
    complete = ShellComplete(main, {}, "gzslbench", "_GZSLBENCH_COMPLETE")
    return [item.value for item in complete.get_completions(list(words), last)]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root with a folder of our own."""
    (tmp_path / "data").mkdir()
    write_synthetic_folder("FLO", tmp_path / "data" / "mine", scale=0.01)
    monkeypatch.setenv("GZSLBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", "--method", "f-cl"), ["f-clswgan"]),
        (("run", "--head", "zl"), ["zlap"]),
        (("extract", "--extractor", "resn"), ["resnet101"]),
        (("run", "--dataset", "mi"), ["mine"]),
        (("data", "show", "mi"), ["mine"]),
        (("run", "--dataset", "mine", "--features", ""), ["res101"]),
        (("run", "--dataset", "mine", "--semantics", ""), ["att"]),
        (("run", "--method", "ce-gzsl", "--set", "syn"), ["syn_num="]),
        (("run", "--method", "ce-gzsl", "--set", "variant=c"), ["variant=clean"]),
        (("run", "--method", "f-clswgan", "--head", "zlap", "--head-set", "epo"), ["epochs="]),
        (("sweep", "dig"), ["digits"]),
        (("sweep", "my-"), ["my-suite.toml"]),
        (("show", "la"), ["latest"]),
    ],
)
def test_what_is_known_is_completed(root, words, expected):
    (root / "my-suite.toml").write_text("")
    assert completions(*words) == expected


def test_ids_of_runs_are_completed(root, gzslbench, tmp_path):
    assert gzslbench("run", "--method", "eszsl", "--dataset", "digits", "--results", "mine").exit_code == 0
    (found,) = completions("show", "--results", str(tmp_path / "mine"), "esz")
    assert found.startswith("eszsl-digits-s0-")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--features", ""),
        ("run", "--dataset", "nowhere", "--features", ""),
        ("run", "--dataset", "digits", "--features", ""),
        ("run", "--set", ""),
        ("run", "--method", "no-such-method", "--set", ""),
    ],
)
def test_what_cannot_be_known_is_not_completed_and_no_error(root, words):
    assert completions(*words) == []
