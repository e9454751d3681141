from __future__ import annotations

import os
import unicodedata

import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.building.folders import find_images


def found(images):
    return {item.name: item.files for item in find_images(images).classes}


def test_classes_and_images_are_sorted_whatever_the_folder_lists_first(folders):
    classes = find_images(folders.images).classes
    assert [item.name for item in classes] == sorted(folders.values)
    assert all(item.files == tuple(f"{item.name}/{n}.jpg" for n in range(5)) for item in classes)


def test_images_are_found_at_any_depth_with_suffixes_in_any_case(folders):
    folders.add("seal/by day/2020/x.PNG")
    folders.add("seal/a.webp")
    assert found(folders.images)["seal"][-2:] == ("seal/a.webp", "seal/by day/2020/x.PNG")


def test_files_that_are_not_images_are_left_out_and_named(folders):
    before = found(folders.images)
    folders.add("readme.txt")
    folders.add(".git/config.jpg")
    folders.add("seal/.hidden.jpg")
    folders.add("seal/notes.txt")
    folders.add("seal/empty.jpg", b"")
    (folders.images / "seal" / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folders.images / "seal" / "pipe.jpg")
    assert found(folders.images) == before
    left_out = find_images(folders.images).left_out
    assert sorted(left_out) == [
        ".git: hidden",
        "readme.txt: in no class folder",
        "seal/.hidden.jpg: hidden",
        "seal/empty.jpg: empty",
        "seal/gone.jpg: a link that leads nowhere",
        "seal/notes.txt: not an image, according to its suffix",
        "seal/pipe.jpg: empty",
    ]


def test_links_to_folders_and_files_are_followed(folders, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (folders.images / "seal").rename(elsewhere)
    (folders.images / "seal").symlink_to(elsewhere)
    other = tmp_path / "other.jpg"
    other.write_bytes(b"another image")
    (folders.images / "seal" / "linked.jpg").symlink_to(other)
    assert found(folders.images)["seal"][-1] == "seal/linked.jpg"
    assert len(found(folders.images)["seal"]) == 6


@pytest.mark.parametrize("target", ["..", "../..", "."])
def test_a_link_that_leads_back_is_refused(folders, target):
    (folders.images / "seal" / "round").symlink_to(target)
    with pytest.raises(DataError, match=r"found twice(.|\n)*round"):
        find_images(folders.images)


@pytest.mark.parametrize("how", ["symbolic", "hard", "folder"])
def test_one_image_in_two_places_is_refused(folders, how):
    here, there = folders.images / "seal" / "0.jpg", folders.images / "antelope" / "same.jpg"
    if how == "symbolic":
        there.symlink_to(here)
    elif how == "hard":
        there.hardlink_to(here)
    else:
        (folders.images / "walrus").symlink_to(here.parent)
    place = r"walrus" if how == "folder" else r"seal/0\.jpg"
    with pytest.raises(DataError, match=rf"found twice(.|\n)*{place}"):
        find_images(folders.images)


def test_composed_and_decomposed_letters_are_the_same(folders):
    apart = unicodedata.normalize("NFD", "Hölle 🦊")
    (folders.images / "Hölle 🦊").rename(folders.images / apart)
    assert found(folders.images)["Hölle 🦊"][0] == f"{apart}/0.jpg"


def test_classes_that_differ_only_in_case_are_refused(folders):
    folders.add("Seal/9.jpg", b"another")
    with pytest.raises(DataError, match=r"'seal' is repeated, and 'Seal' differs only in case"):
        find_images(folders.images)


@pytest.mark.parametrize("name", [" seal", "seal ", "two\nlines", "bell\a"])
def test_names_that_a_list_would_not_keep_are_refused(folders, name):
    folders.add(f"{name}/1.jpg", b"another")
    with pytest.raises(DataError, match="rename it"):
        find_images(folders.images)


@pytest.mark.parametrize("name", [b"wal\xffrus/1.jpg", b"seal/\xff.jpg"])
def test_names_that_are_not_utf8_are_refused(folders, name):
    path = os.path.join(os.fsencode(folders.images), name)  # noqa: PTH118
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"another")
    with pytest.raises(DataError, match="not printable UTF-8"):
        find_images(folders.images)


def test_a_folder_without_class_folders_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"image")
    with pytest.raises(DataError, match="no class folder"):
        find_images(tmp_path)
