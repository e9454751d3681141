from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import savemat

from gzslbench.cli import main


@pytest.fixture
def root(tmp_path):
    """A data root whose SUN is sound, but has twelve images of three classes."""
    labels = np.repeat([1, 2, 3], 4)
    rng = np.random.default_rng(0)
    (tmp_path / "SUN").mkdir()
    savemat(
        tmp_path / "SUN" / "res101.mat", {"features": rng.normal(size=(5, 12)), "labels": labels[:, None]}
    )
    savemat(
        tmp_path / "SUN" / "att_splits.mat",
        {
            "att": rng.normal(size=(2, 3)),
            "trainval_loc": [[1], [2], [3], [5], [6], [7]],
            "test_seen_loc": [[4], [8]],
            "test_unseen_loc": [[9], [10], [11], [12]],
        },
    )
    return tmp_path


def call(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_show_tells_sizes_split_and_fingerprints(root):
    told = json.loads(call("data", "show", "sun", "--data", root, "--json").stdout)
    assert told["images"] == 12
    assert told["split"]["trainval"] == 6
    assert told["task"].startswith("SUN/res101/att/ps-" + told["split"]["fingerprint"][:8])
    printed = call("data", "show", "sun", "--data", root).stdout
    assert told["content"] in "".join(printed.split())
    assert told["validation"] == {}
    assert "the files name no validation classes: `run --select val` takes about every fifth" in printed


def test_verify_fails_where_a_published_name_has_other_numbers(root):
    result = call("data", "verify", "SUN", "--data", root)
    assert result.exit_code == 2
    assert "split fingerprint" in result.stderr
    assert "differs" in result.stdout


def test_verify_passes_a_sound_folder_of_ones_own(root):
    (root / "SUN").rename(root / "mine")
    result = call("data", "verify", root / "mine", "--json")
    assert result.exit_code == 0
    assert all(check["agrees"] for check in json.loads(result.stdout)["checks"])


def test_import_writes_beside_the_mat_or_where_told(root):
    told = json.loads(call("data", "import", "SUN", "--data", root, "--json").stdout)
    assert told["file"] == str(root / "SUN" / "res101.h5")
    assert call("data", "import", "SUN", "--data", root, "--out", root / "x.h5").exit_code == 0
    shown = json.loads(call("data", "show", root / "x.h5", "--json").stdout)
    assert shown["features"] == "res101"


def test_there_is_nothing_to_import_of_a_built_in_dataset():
    result = call("data", "import", "digits")
    assert result.exit_code == 2
    assert "nothing to import" in result.stderr


@pytest.mark.parametrize("command", [("data", "show"), ("data", "verify"), ("data", "import"), ("datasets",)])
def test_a_misspelled_dataset_exits_with_two_and_the_nearest_name(command):
    result = call(*command, "AWA-2")
    assert result.exit_code == 2
    assert "did you mean 'AWA2'" in result.stderr
    assert "Traceback" not in result.stderr


def test_datasets_lists_all_with_where_they_lie(root):
    listed = {each["name"]: each for each in json.loads(call("datasets", "--data", root, "--json").stdout)}
    assert listed["SUN"]["place"] == str(root / "SUN")
    assert listed["CUB"]["place"] == "not found"
    assert listed["digits"]["place"] == "built in"
    printed = call("datasets", "--data", root).stdout
    assert all(name in printed for name in listed)


def test_datasets_says_what_a_run_can_take_from_each_folder(root, tmp_path):
    mine = root / "mine"
    mine.mkdir()
    shutil.copyfile(root / "SUN" / "att_splits.mat", mine / "words_splits.mat")
    (root / "CUB").mkdir()
    listed = {each["name"]: each for each in json.loads(call("datasets", "--data", root, "--json").stdout)}
    assert listed["SUN"]["found"]["features"] == ["res101"] and "att" in listed["SUN"]["found"]["semantics"]
    assert listed["CUB"]["found"] == {
        "features": [], "semantics": [], "missing": ["res101.mat", "att_splits.mat", "sent_splits.mat"]
    }  # fmt: skip
    assert listed["mine"]["place"] == str(mine)
    assert listed["mine"]["found"]["missing"] == ["features"]
    printed = call("datasets", "--data", root).stdout.splitlines()
    assert "mine lacks features" in printed
    assert "CUB lacks res101.mat, att_splits.mat, sent_splits.mat" in printed
    assert call("datasets", "mine", "--data", root).exit_code == 0
    described = call("datasets", "CUB", "--data", root).stdout
    assert "sent_splits.mat is not in xlsa17.zip" in described and "gzslbench data fetch CUB" in described


def test_missing_semantics_say_where_they_come_from(root, monkeypatch):
    (root / "CUB").mkdir()
    for file in ("res101.mat", "att_splits.mat"):
        shutil.copyfile(root / "SUN" / file, root / "CUB" / file)
    for _ in range(2):
        result = call("data", "show", "CUB", "--semantics", "sent", "--data", root)
        assert result.exit_code == 2 and "Reed et al., CVPR 2016" in result.stderr
        assert "master/data/CUB/sent_splits.mat" in result.stderr
        assert all(
            len(line) <= 80 or "://" in line or "where:" in line for line in result.stderr.splitlines()
        )
        call("data", "import", "CUB", "--data", root)  # now from the .h5 file


def test_advice_for_missing_files_fits_a_narrow_terminal(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    for name in ("AWA2", "CUB", "FLO"):
        lines = call("data", "show", name).stderr.splitlines()
        assert any(line.strip().startswith("https://") for line in lines)
        assert all(len(line) <= 80 or line.strip().startswith("https://") for line in lines), lines


def test_datasets_describes_one():
    described = json.loads(call("datasets", "cub", "--json").stdout)
    assert described["expected"]["semantics"] == {"att": 312, "original_att": 312, "sent": 1024}
    assert "11788" in call("datasets", "cub").stdout
