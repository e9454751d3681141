from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gzslbench_benchmarks.trips import TRIPS, files_entered, main, measure_all

LIMITS = {"run": 61, "load": 15, "step": 10, "leaderboard": 12}
"""The most files that each trip may enter; to be lowered to the aims as the code becomes simpler."""


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    return measure_all()


@pytest.mark.acceptance
@pytest.mark.parametrize("name", list(TRIPS))
def test_a_trip_enters_few_files(found: dict[str, list[str]], name: str) -> None:
    files = found[name]
    assert len(files) <= LIMITS[name], "\n".join(files)


@pytest.mark.acceptance
def test_the_files_are_those_that_the_trip_needs(found: dict[str, list[str]]) -> None:
    assert "gzslbench/cli/run.py" in found["run"]
    assert "gzslbench/data/load.py" in found["load"]
    assert any(file.startswith("gzslbench_methods/ce_gzsl/") for file in found["step"])
    assert any(file.startswith("gzslbench/report/leaderboard") for file in found["leaderboard"])


def test_calls_count_and_imports_and_files_of_others_do_not() -> None:
    from gzslbench.errors import did_you_mean

    def action() -> None:
        did_you_mean("a", ["b"])
        json.dumps({})

    assert files_entered(action) == ["gzslbench/errors.py"]


def test_the_table_names_each_trip_and_its_aim(monkeypatch) -> None:
    monkeypatch.setattr(
        "gzslbench_benchmarks.trips.measure_all", lambda names: {name: ["a.py"] for name in names}
    )
    done = CliRunner().invoke(main, ["--list"])
    assert done.exit_code == 0
    for name, trip in TRIPS.items():
        assert f"{name} " in done.output
        assert trip.what in done.output
    assert "    a.py" in done.output
    counts = json.loads(CliRunner().invoke(main, ["--json", "--only", "load"]).output)
    assert counts == {"load": {"aim": TRIPS["load"].aim, "files": 1, "names": ["a.py"]}}


def test_a_count_above_its_aim_is_exit_status_1(monkeypatch) -> None:
    many = [f"{i}.py" for i in range(100)]
    monkeypatch.setattr("gzslbench_benchmarks.trips.measure_all", lambda names: dict.fromkeys(names, many))
    assert CliRunner().invoke(main, []).exit_code == 1
