from __future__ import annotations

import json

import pytest

from gzslbench.errors import ParamError, StoreError
from gzslbench.sweep.tuning.storage import open_storage


@pytest.mark.parametrize("name", ["study", "study.json", "study.toml"])
def test_a_name_that_tells_no_kind_of_file_is_refused(tmp_path, name) -> None:
    with pytest.raises(ParamError, match="a file of a study cannot end in") as caught:
        open_storage(tmp_path / name)
    assert ".journal" in caught.value.fix and ".sqlite" in caught.value.fix
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["study.journal", "study.log", "study.db", "study.sqlite"])
def test_a_file_that_is_no_study_is_refused_and_left_alone(tmp_path, name) -> None:
    path = tmp_path / name
    path.write_bytes(b"not a study, but a page of notes\n" * 300)
    with pytest.raises(StoreError, match="the file is not of a study") as caught:
        open_storage(path).get_all_studies()
    assert str(path) == caught.value.where
    assert path.read_bytes() == b"not a study, but a page of notes\n" * 300


def test_a_folder_that_cannot_be_made_is_told(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        open_storage(tmp_path / "file" / "study.journal")


@pytest.mark.parametrize("torn", [b'{"op_code":', b'{"op_code":4,"worker_id":"x"', b"\x00\x00"])
def test_a_line_that_a_kill_cut_short_costs_that_line_alone(asked, tuned, facts, torn) -> None:
    before = facts(tuned(asked(trials=2, epochs=1)))
    path = asked().study
    with path.open("ab") as file:
        file.write(torn)
    assert facts(tuned(asked(trials=2, epochs=1))) == before
    after = facts(tuned(asked(trials=3, epochs=1)))
    assert after[:2] == before and len(after) == 3
    assert facts(tuned(asked(trials=3, epochs=1))) == after
    assert all(json.loads(line)["op_code"] >= 0 for line in path.read_bytes().splitlines())


def test_a_journal_that_is_none_is_left_alone_even_without_a_line_to_its_end(tmp_path) -> None:
    path = tmp_path / "notes.log"
    path.write_bytes(b"buy milk")
    with pytest.raises(StoreError, match="the file is not of a study"):
        open_storage(path)
    assert path.read_bytes() == b"buy milk"
