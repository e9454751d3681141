"""A record that contradicts itself is named and left out; leaderboard, compare and list show the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

import gzslbench as gz
from gzslbench.report.leaderboard.entry import read_entries
from gzslbench.runs.store import DamagedRecordWarning, Store


@pytest.fixture
def results(tmp_path):
    """The same run twice, with two seeds; the record of the second says another task than its settings."""
    for seed, dataset in ((1, "digits"), (2, "synthetic")):
        gz.run("eszsl", dataset, seeds=seed, results=tmp_path, quiet=True)
    first, second = (entry.summary.id for entry in read_entries([tmp_path]))
    folder = Store(tmp_path).run(second)
    record, other = folder.require_record(), Store(tmp_path).run(first).require_record()
    edited = replace(record, task=other.task, cell=replace(record.cell, seed=1))
    folder.record_file.write_text(edited.to_json())
    return tmp_path, first, second


def test_a_record_whose_task_is_that_of_another_run_is_left_out(results):
    folder, sound, edited = results
    with pytest.warns(DamagedRecordWarning, match=f"left out: {edited}: .*its task is digits"):
        assert [entry.summary.id for entry in read_entries([folder])] == [sound]


def test_the_commands_go_on_without_it(results, gzslbench):
    folder, sound, edited = results
    for command in (["leaderboard"], ["runs", "list"], ["report", "--out", str(folder / "site")]):
        done = gzslbench(*command, "--results", str(folder))
        assert done.exit_code == 0, done.output
        assert f"left out: {edited}: " in done.stderr
    pages = [page.stem for page in (folder / "site" / "runs").glob("*.html")]
    assert sound in pages
    assert edited not in pages
    assert edited in gzslbench("runs", "verify", str(folder)).output
