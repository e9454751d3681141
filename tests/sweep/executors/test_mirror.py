from __future__ import annotations

import os
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import ExecutorError
from gzslbench.sweep.executors import mirror
from gzslbench.sweep.executors.mirror import Change, Watched, put_in_place

NAMES = st.sampled_from(["record.json", "log.txt", "below/one.bin", "below/two.bin"])
STEPS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=40)), max_size=5)


def content_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@settings(max_examples=40, deadline=None)
@given(rounds=st.lists(STEPS, min_size=1, max_size=4))
def test_the_other_folder_follows_whatever_is_written_and_removed(tmp_path_factory, rounds) -> None:
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    watched, names = Watched(here), frozenset()
    for steps in rounds:
        for name, content in steps:
            (here / name).parent.mkdir(exist_ok=True)
            if content is None:
                (here / name).unlink(missing_ok=True)
            else:
                (here / name).write_bytes(content)
        change = watched.change()
        put_in_place(change, there, names)
        names = change.names
        assert content_of(there) == content_of(here)
    assert not watched.change().files


def test_files_that_were_never_the_others_stay(tmp_path) -> None:
    (tmp_path / "own").write_text("mine")
    put_in_place(Change(frozenset()), tmp_path, frozenset({"gone"}))
    assert content_of(tmp_path) == {"own": b"mine"}


def test_files_arrive_in_the_order_of_their_writing(tmp_path) -> None:
    for age, name in enumerate(["record.json", "a.npz", "metrics.jsonl"]):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert list(Watched(tmp_path).change().files) == ["metrics.jsonl", "a.npz", "record.json"]


def test_hidden_files_and_links_stay_behind(tmp_path) -> None:
    (tmp_path / ".part").write_text("half")
    (tmp_path / "file").write_text("whole")
    (tmp_path / "link").symlink_to("file")
    assert Watched(tmp_path).change().names == {"file"}


def test_a_large_file_waits_until_it_may_come(tmp_path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / "large").write_bytes(bytes(100))
    assert not watched.change(largest=99).files
    assert list(watched.change().files) == ["large"]
    assert not watched.change().files


def test_files_of_two_moments_are_not_mixed(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("0")
    stamps, calls = Watched._stamps, []

    def changing(self):
        found = stamps(self)
        calls.append(1)
        (tmp_path / "file").write_text("x" * len(calls))
        return found

    monkeypatch.setattr(Watched, "_stamps", changing)
    assert Watched(tmp_path).change() is None
    assert len(calls) == 2 * mirror.TRIES


@pytest.mark.parametrize("name", ["../file", "/file", "below/../../file", ""])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name) -> None:
    change = Change(frozenset({name}), {name: b""}, {name: sha256(b"").hexdigest()})
    with pytest.raises(ExecutorError, match="by the name"):
        put_in_place(change, tmp_path / "inner")
    assert content_of(tmp_path) == {}


def test_what_was_damaged_on_its_way_is_refused(tmp_path) -> None:
    change = Change(frozenset({"file"}), {"file": b"1"}, {"file": sha256(b"2").hexdigest()})
    with pytest.raises(ExecutorError, match="damaged"):
        put_in_place(change, tmp_path)
    assert content_of(tmp_path) == {}
