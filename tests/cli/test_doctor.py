from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path


def test_a_sound_installation_is_well_and_left_unchanged(invoke) -> None:
    done = invoke("doctor")
    assert done.exit_code == 0
    assert "all well" in done.output
    assert version("torch") in done.output
    assert list(Path().iterdir()) == []


def test_known_datasets_are_told_by_where_they_lie(invoke, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "data-root" / "xlsa17" / "data" / "AWA2").mkdir(parents=True)
    monkeypatch.setenv("GZSLBENCH_DATA", str(tmp_path / "data-root"))
    data = json.loads(invoke("doctor", "--json").output)["data"]
    assert data["there"]
    assert list(data["datasets"]) == ["AWA2"]
    assert "CUB" in data["missing"]
    assert "digits" not in data["missing"]


def test_a_results_folder_that_takes_no_files_is_a_problem(invoke, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine")
    for results in ("results", "results/deeper"):
        done = invoke("doctor", "--results", results)
        assert done.exit_code == 1
        assert "1 to mend" in done.output
    assert (tmp_path / "results").read_text() == "mine"
