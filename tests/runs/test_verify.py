from __future__ import annotations

import json

import pytest

from gzslbench.runs.cell import Cell
from gzslbench.runs.verify import find_problems


def edited(folder, change):
    content = json.loads(folder.record_file.read_text())
    change(content)
    folder.record_file.write_text(json.dumps(content))
    return find_problems(folder)


def test_a_run_as_it_was_written_has_nothing_wrong(folder):
    assert find_problems(folder) == []


def flatter(content):
    content["metrics"]["last"] |= {"U": 40.0, "S": 60.0, "H": 48.0}


def contradict(content):
    content["metrics"]["last"]["H"] += 5


def invent(content):
    content["metrics"]["test-peek"] = {**content["metrics"]["last"], "H": 99.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (flatter, "by last U is 40.0000, and its predictions give 25.0000"),
        (contradict, "the harmonic mean of its U and S 28.5714"),
        (invent, "by test-peek H is 99.0000"),
    ],
)
def test_numbers_edited_by_hand_are_caught(folder, change, words):
    assert any(words in each for each in edited(folder, change))


def test_settings_that_are_not_those_of_the_id_are_caught(folder):
    cell = Cell("ce-gzsl", 1, "CUB", "a task", "minmax", {"lr": 1.0}, 7)

    def rename(content):
        content["cell"] = {**cell.as_dict(), "params": {"lr": 2.0}}

    (found,) = edited(folder, rename)
    assert found.startswith("its settings are those of run ce-gzsl-CUB-s7-")


def test_of_another_protocol_the_id_says_nothing(folder):
    assert edited(folder, lambda content: content["cell"].update(protocol=1)) == []


def test_missing_predictions_and_damaged_records_are_named(folder):
    folder.predictions_file.unlink()
    assert find_problems(folder) == ["there are no predictions"]
    folder.record_file.write_text("{")
    assert find_problems(folder)[0].startswith("not a record")
    folder.record_file.unlink()
    assert "has not ended" in find_problems(folder)[0]
