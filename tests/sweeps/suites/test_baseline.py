from __future__ import annotations

import pytest

from gzslbench.errors import StoreError
from gzslbench.sweeps.suites.baseline import (
    Change,
    compare,
    make_writable,
    read_baseline,
    stored_metrics,
    summarize,
    write_baseline,
)

PERCENTAGES = ("U", "S", "H", "T1", "AUSUC")


def group(*values, **others):
    """Runs with each metric at ``values``, or at ``others`` where given."""
    runs = [{"metrics": {**dict.fromkeys(PERCENTAGES, value), **others}} for value in values]
    return {"summary": summarize(runs), "runs": runs}


def change(stored, measured):
    (found,) = compare({"small": stored}, {"small": measured})
    return found


def test_the_tolerance_is_three_deviations_and_at_least_three_points():
    spread = group(40.0, 50.0, 60.0)["summary"]
    assert list(spread) == list(PERCENTAGES)
    assert spread["H"] == {"mean": 50.0, "std": 10.0, "tolerance": 30.0}
    assert group(50.0, 50.1)["summary"]["H"]["tolerance"] == 3.0


def test_one_seed_has_no_spread_and_no_tolerance():
    assert group(50.0)["summary"]["H"] == {"mean": 50.0, "std": None, "tolerance": None}


def test_the_tolerance_of_a_suite_holds_for_one_seed_too():
    for values in ((50.0,), (40.0, 60.0)):
        assert summarize(group(*values)["runs"], 5.0)["H"]["tolerance"] == 5.0


def test_diverged_runs_are_not_in_the_summary():
    runs = [*group(40.0, 60.0)["runs"], {"failure": {"epoch": 2}}]
    assert summarize(runs) == group(40.0, 60.0)["summary"]
    assert summarize(runs[-1:]) == {}


@pytest.mark.parametrize(
    ("by", "moved"), [(0.0, False), (3.0, False), (-3.0, False), (3.5, True), (-3.5, True)]
)
def test_a_mean_has_moved_if_it_differs_by_more_than_the_tolerance(by, moved):
    found = change(group(50.0, 50.0), group(50.0 + by, 50.0 + by))
    assert found.alarming == moved
    assert dict(found.moved) == (dict.fromkeys(PERCENTAGES, (50.0, 50.0 + by, 3.0)) if moved else {})


def test_only_the_metric_that_moved_is_named():
    found = change(group(50.0, 50.0), group(50.0, 50.0, U=60.0))
    assert found.alarming and dict(found.moved) == {"U": (50.0, 60.0, 3.0)}


@pytest.mark.parametrize(("by", "moved"), [(5.5, False), (6.5, True)])
def test_what_was_stored_on_another_kind_of_device_may_differ_by_twice_as_much(by, moved):
    now = group(50.0 + by, 50.0 + by)
    now["runs"][0]["gpu"] = True
    found = change(group(50.0, 50.0), now)
    assert found.alarming == moved and "another kind of device" in found.note


def test_a_group_of_one_seed_is_not_compared():
    assert change(group(50.0), group(90.0)) == Change("small", note="one seed: not compared")


def test_a_group_without_finished_runs_has_moved():
    found = change(group(50.0, 50.0), {"summary": {}, "runs": []})
    assert found.alarming and "every seed diverged" in found.note


def test_groups_on_one_side_only_are_alarming():
    found = list(compare({"old": group(1.0, 1.0)}, {"new": group(1.0, 1.0)}))
    assert [(change.name, change.note, change.alarming) for change in found] == [
        ("new", "not stored", True),
        ("old", "not in the suite any more", True),
    ]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "tiny.json"
    make_writable(path)
    write_baseline(path, {"title": "tiny", "runs": {"small": group(40.0, 60.0)}})
    assert read_baseline(path) == {"small": group(40.0, 60.0)}
    assert [file.name for file in path.parent.iterdir()] == ["tiny.json"]


def test_a_device_is_no_file_of_metrics(tmp_path):
    (tmp_path / "tiny.json").symlink_to("/dev/null")
    with pytest.raises(StoreError, match=r"no stored metrics.*a pipe or a device"):
        read_baseline(tmp_path / "tiny.json")


@pytest.mark.parametrize("content", [None, "{", "[]", '{"runs": [1]}', '{"runs": {"small": {}}}'])
def test_missing_or_damaged_metrics_are_an_error_that_names_the_file(tmp_path, content):
    path = tmp_path / "tiny.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StoreError, match="no stored metrics") as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)


def test_a_file_or_folder_that_blocks_the_path_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "tiny.json", tmp_path / "folder"):
        with pytest.raises(StoreError, match="cannot be stored"):
            make_writable(path)


def test_stored_metrics_are_found_by_run_and_rule(tmp_path):
    runs = [
        {"id": "one", "by_rule": {"last": {"H": 40.0}, "val": {"H": 30.0}}},
        {"id": "two", "by_rule": {"last": {"H": 50.0}}},
        {"id": "three", "failure": {}},
    ]
    write_baseline(tmp_path / "tiny.json", {"runs": {"small": {"summary": {}, "runs": runs}}})
    assert stored_metrics([tmp_path], "last", "H") == {"one": 40.0, "two": 50.0}
    assert stored_metrics([tmp_path], "val", "H") == {"one": 30.0}
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(StoreError, match=r"bad\.json"):
        stored_metrics([tmp_path], "last", "H")
