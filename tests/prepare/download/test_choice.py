from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download import choice
from gzslbench.prepare.download.choice import check_name, choose
from gzslbench.prepare.download.member import Member

NAMES = st.text(st.sampled_from("ab./\\:~C\x00\n \u00e9\udc80"), max_size=12) | st.text(max_size=12)


@pytest.fixture
def path(tmp_path):
    """Where an archive of a thousand bytes is."""
    path = tmp_path / "lab.zip"
    path.write_bytes(bytes(1000))
    return path


@pytest.fixture
def chosen(path):
    """The places of the members below ``in/`` that have these names."""

    def chosen(*names, kind="file"):
        members = [Member(f"in/{name}", 5, kind) for name in names]
        return {
            str(place)
            for place in choose(members, Archive("http://h/lab.zip", {"in/": ""}), path).places.values()
        }

    return chosen


@given(NAMES)
@example("a/../../b")
@example("/etc/passwd")
@example("C:/x")
@example("..\\x")
def test_a_name_that_passes_stays_below_its_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp() / "root"
    try:
        place = check_name(name, root)
    except DataError:
        return
    target = root / place
    assert target.resolve().is_relative_to(root.resolve())
    assert target != root
    assert str(place) == name
    assert not set(name) & set("\\\x00\n")


@given(
    st.lists(
        st.text("abcé-_ 0", min_size=1, max_size=8).filter(lambda part: part.strip()), min_size=1, max_size=4
    )
)
def test_a_plain_name_passes(tmp_path_factory, parts):
    assert check_name("/".join(parts), tmp_path_factory.getbasetemp()) == PurePosixPath(*parts)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "//x",
        "a//x",
        "./x",
        "a/.",
        "..",
        "",
        "a/",
        "C:x",
        "c:/x",
        "a\\x",
        "..\\x",
        "a\x00",
        "a\nb",
        "\udc80",
        "x" * 256,
    ],
)
def test_a_name_that_may_leave_is_refused(chosen, name):
    with pytest.raises(DataError, match="no name of a file below a folder"):
        chosen("sound.mat", name)


@pytest.mark.parametrize("kind", ["link", "special file", "sparse file", "encrypted file"])
def test_anything_but_a_file_is_refused_where_it_is_wanted(chosen, kind, path):
    with pytest.raises(DataError, match=f"is a {kind}"):
        chosen("x", kind=kind)
    members = [Member("in/x", 1, "file"), Member("out/x", 1, kind), Member("in", 0, "folder")]
    assert len(choose(members, Archive("http://h/lab.zip", {"in/": ""}), path).places) == 1


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("a", "a"), "in it twice"),
        (("a.mat", "A.MAT"), "one file on some disks"),
        (("\u00e9", "e\u0301"), "one file on some disks"),
        (("a", "a/b"), "both a file and a folder"),
        (("A/b", "a"), "both a file and a folder"),
    ],
)
def test_two_members_never_meet_in_one_place(chosen, names, what):
    with pytest.raises(DataError, match=what):
        chosen(*names)


def test_two_members_of_different_folders_may_not_meet_either(path):
    archive = Archive("http://h/lab.zip", {"in/": "", "out/": ""})
    with pytest.raises(DataError, match="one file"):
        choose([Member("in/a", 1, "file"), Member("out/a", 1, "file")], archive, path)


def test_members_go_where_their_key_says(path):
    archive = Archive(
        "http://h/lab.zip", {"in/": "", "more/deep/": "there", "list.txt": "", "more/one.txt": "a/b"}
    )
    names = ["in/x/y", "more/deep/z", "list.txt", "more/one.txt", "other", "in", "inside", "more/one.txt.bak"]
    found = choose([Member(name, 1, "file") for name in names], archive, path)
    assert {name: str(place) for name, place in found.places.items()} == {
        "in/x/y": "x/y",
        "more/deep/z": "there/z",
        "list.txt": "list.txt",
        "more/one.txt": "a/b/one.txt",
    }


def test_an_archive_without_what_is_wanted_is_an_error_that_names_it(path):
    archive = Archive("http://h/lab.zip", {"in/": "", "out/": ""})
    with pytest.raises(DataError, match="has no out/"):
        choose([Member("in/a", 1, "file"), Member("out/", 0, "folder")], archive, path)


def test_more_bytes_than_an_archive_can_soundly_hold_are_refused_before_the_rest_is_read(path):
    def members():
        yield Member("other/a", 2**40, "file")
        pytest.fail("read on")

    with pytest.raises(DataError, match="would unpack to more than"):
        choose(members(), Archive("http://h/lab.zip", {"in/": ""}), path)


def test_too_many_members_are_refused_before_the_rest_is_read(path, monkeypatch):
    monkeypatch.setattr(choice, "MOST_MEMBERS", 10)
    read = []

    def members():
        for number in range(1000):
            read.append(number)
            yield Member(f"other/{number}", 0, "file")

    with pytest.raises(DataError, match="more than 10 entries"):
        choose(members(), Archive("http://h/lab.zip", {"in/": ""}), path)
    assert len(read) == 11
