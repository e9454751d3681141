from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import gzslbench as gz
from gzslbench.errors import GzslBenchError, ParamError, StoreError


class TestResults:
    def test_the_newest_run_is_the_last_one(self, runs: Path) -> None:
        found = gz.results(runs)
        started = [
            json.loads((runs / run.records[0].id / "record.json").read_text())["run"]["started"]
            for run in found
        ]
        assert started == sorted(started)
        assert found["latest"].records == found.latest.records == found[-1].records

    def test_a_run_is_found_by_the_beginning_of_its_id(self, runs: Path) -> None:
        run = gz.results(runs)["eszsl-digits-s2"]
        assert run.records[0].cell.seed == 2
        assert gz.results(runs)[run.records[0].id].records == run.records

    @pytest.mark.parametrize(
        ("key", "what"), [("eszsl", "beginning of 2 ids"), ("ce-gzsl", "no run 'ce-gzsl'")]
    )
    def test_a_wrong_id_is_explained(self, runs: Path, key: str, what: str) -> None:
        with pytest.raises(StoreError, match=what):
            gz.results(runs)[key]

    def test_filters_choose_runs(self, runs: Path) -> None:
        assert {run.records[0].cell.method for run in gz.results(runs, methods="devise")} == {"devise"}
        assert len(gz.results(runs, datasets=["CUB"])) == 0
        assert len(gz.results(runs, without="eszsl-digits-s1")) == 3
        assert len(gz.results(runs)[1:]) == 3

    def test_a_missing_folder_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="no such folder"):
            gz.results(tmp_path / "nowhere")

    def test_the_frame_has_a_row_per_run(self, runs: Path) -> None:
        pytest.importorskip("pandas")
        frame = gz.results(runs).to_frame()
        assert sorted(frame["method"]) == ["devise", "devise", "eszsl", "eszsl"]
        for _, row in frame.iterrows():
            stored = json.loads((runs / row["id"] / "record.json").read_text())
            assert row["H"] == stored["metrics"]["last"]["H"]

    def test_without_pandas_the_error_says_what_to_install(self, runs: Path, monkeypatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pandas", None)
        with pytest.raises(GzslBenchError, match=r"pip install 'gzslbench\[pandas\]'"):
            gz.results(runs).to_frame()


class TestLeaderboard:
    def test_every_format_has_the_methods(self, runs: Path) -> None:
        board = gz.leaderboard(runs)
        assert "| eszsl |" in board.to_markdown()
        assert "<table>" in board._repr_html_() and "eszsl" in board._repr_html_()
        assert r"\toprule" in board.to_latex() and "ESZSL" in board.to_latex()
        assert {row["method"] for row in csv.DictReader(io.StringIO(board.to_csv()))} == {"eszsl", "devise"}
        assert len(json.loads(board.to_json())["boards"]) == 2

    def test_the_rows_are_means_over_seeds(self, runs: Path) -> None:
        rows = gz.leaderboard(runs, metric="H", methods="devise", any_parameters=True).rows()
        stored = [json.loads(path.read_text()) for path in runs.glob("devise*/record.json")]
        values = [record["metrics"]["last"]["H"] for record in stored]
        assert [row["mean"] for row in rows] == [pytest.approx(sum(values) / 2, abs=1e-12)]

    def test_it_prints_what_the_command_prints(self, runs: Path, gzslbench) -> None:
        printed = gzslbench("leaderboard", "--results", str(runs), "--format", "csv").stdout
        assert gz.leaderboard(runs).to_csv() == printed

    def test_without_calibrated_runs_it_says_what_they_have(self, runs: Path) -> None:
        with pytest.raises(StoreError, match="no numbers by last-calibrated"):
            gz.leaderboard(runs, calibrated=True)

    def test_the_rule_is_one_that_the_runs_have(self, tmp_path: Path) -> None:
        gz.run("eszsl", "digits", select="val", device="cpu", results=tmp_path, quiet=True)
        assert gz.leaderboard(tmp_path).boards[0].rule == "val"
        with pytest.raises(StoreError, match="no numbers by last, only by val"):
            gz.leaderboard(tmp_path, select="last")

    def test_calibrated_is_short_for_the_rule_of_calibrated_runs(self, tmp_path: Path) -> None:
        gz.run("eszsl", "digits", calibrate="val", device="cpu", results=tmp_path, quiet=True)
        named = gz.leaderboard(tmp_path, select="last-calibrated")
        assert gz.leaderboard(tmp_path, calibrated=True).to_json() == named.to_json()
        assert gz.leaderboard(tmp_path, select="last").to_json() != named.to_json()

    def test_latex_can_cite(self, runs: Path) -> None:
        board = gz.leaderboard(runs)
        assert r"\cite{eszsl}" in board.to_latex(label="tab:r", cite=True)
        assert "@" in board.bibliography() and "eszsl" in board.bibliography()

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            ({"metric": "F1"}, "metric cannot be 'F1'"),
            ({"metric": []}, "metric cannot be None"),
            ({"select": "best"}, "select cannot be 'best'"),
            ({"select": "test-peek", "calibrated": True}, "calibrated=True chooses the rule"),
            ({"test": "bootstrap"}, "test cannot be 'bootstrap'"),
            ({"test": "classes", "select": "test-peek"}, "needs predictions"),
        ],
    )
    def test_a_wrong_argument_is_explained(self, runs: Path, arguments, what: str) -> None:
        with pytest.raises(ParamError) as caught:
            gz.leaderboard(runs, **arguments)
        assert what in str(caught.value)
        assert "--" not in str(caught.value)
