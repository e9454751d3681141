"""The published layout of LAD, in files of the same shape: the real ones are not at hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.formats.xlsa17 import read_splits
from gzslbench.errors import DataError, ParamError
from gzslbench.prepare.building.lad import read_lad

NAMES = {
    "Label_A_01": "antelope", "Label_A_02": "bear", "Label_A_03": "seal",
    "Label_F_01": "apple", "Label_F_02": "Orange", "Label_F_03": "kiwi",
    "Label_V_01": "tram", "Label_E_01": "orange",
}  # fmt: skip
VECTORS = {label: [row / 8, 0.5, 1 - row / 8] for row, label in enumerate(NAMES)}
UNSEEN = ["Label_A_03, Label_F_01", "Label_A_01, Label_F_02, Label_V_01"]
EACH = 4


@pytest.fixture
def lad(tmp_path) -> Path:
    lists = tmp_path / "LAD" / "LAD_annotations"
    lists.mkdir(parents=True)
    files = {
        "label_list.txt": [f"{label}, {name}, 中文" for label, name in NAMES.items()],
        "attributes_per_class.txt": [
            f"{label}, [  {'  '.join(map(str, v))}  ]" for label, v in VECTORS.items()
        ],
        "split_zsl.txt": [f"Unseen_List_{number}: {text}" for number, text in enumerate(UNSEEN, 1)],
        "images.txt": [],
    }
    for number in range(EACH * len(NAMES)):
        label = list(NAMES)[number % len(NAMES)]
        image = lists.parent / "LAD_images" / "images" / label / f"{number}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(str(number).encode())
        files["images.txt"].append(f"{number:06d}, {label}, 0, 1, 20, 30, images/{label}/{number}.jpg")
    for name, lines in files.items():
        (lists / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lists.parent


def test_all_classes_are_read_with_their_list_of_unseen_ones(lad):
    found = read_lad(lad, "lad:2")
    assert found["unseen"] == ["antelope", "Orange (Label_F_02)", "tram"]
    assert found["semantics"]["bear"] == VECTORS["Label_A_02"] and len(found["semantics"]) == 8
    assert found["names"][1] == "images/Label_A_02/1.jpg" and found["labels"][1] == "bear"
    assert len(found["labels"]) == EACH * len(NAMES)


def test_the_classes_of_a_super_class_are_a_dataset_of_their_own(lad):
    found = read_lad(lad, "lad:2:F")
    assert set(found["semantics"]) == set(found["labels"]) == {"apple", "Orange", "kiwi"}
    assert found["unseen"] == ["Orange"]


def test_files_without_the_folders_of_the_archives_are_found_too(lad):
    for path in [*(lad / "LAD_annotations").iterdir(), *(lad / "LAD_images").iterdir()]:
        path.rename(lad / path.name)
    for name in ("LAD_annotations", "LAD_images"):
        (lad / name).rmdir()
    assert read_lad(lad, "lad:1")["images"] == lad


def test_the_command_builds_a_dataset_that_extraction_can_read(lad, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from gzslbench.cli import main

    monkeypatch.chdir(tmp_path)
    arguments = ["data", "build", "lad2", "--images", str(lad), "--layout", "lad:2"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    splits = read_splits(tmp_path / "lad2", "att")
    np.testing.assert_allclose(splits.semantics, list(VECTORS.values()), rtol=1e-6)
    unseen = {splits.class_names[row % len(NAMES)] for row in splits.split.test_unseen}
    assert unseen == {"antelope", "Orange (Label_F_02)", "tram"}
    record = json.loads((tmp_path / "lad2" / "build.json").read_text(encoding="utf-8"))
    assert record["arguments"]["layout"] == "lad:2"
    assert f"--images {lad / 'LAD_images'} --extractor" in done.output
    for wrong, complaint in (
        (["--unseen-classes", "2"], "one of the two"),
        (["--layout", "lad:one"], "write lad:K"),
    ):
        outcome = CliRunner().invoke(main, [*arguments[:2], "other", *arguments[3:], *wrong])
        assert outcome.exit_code == 2 and complaint in outcome.output
    outcome = CliRunner().invoke(main, ["data", "build", "other", "--layout", "lad:1"])
    assert outcome.exit_code == 2 and "give --images" in outcome.output
    outcome = CliRunner().invoke(
        main, ["data", "build", "other", "--images", str(lad), "--unseen-classes", "1"]
    )
    assert outcome.exit_code == 2 and "--semantics" in outcome.output
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("layout", ["lad", "lad:", "lad:1:X", "lad:x", "sun:1", "lad:1:A:F"])
def test_another_layout_is_refused(lad, layout):
    with pytest.raises(ParamError, match=r"lad:K:S"):
        read_lad(lad, layout)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("label_list.txt", "Label_A_02,", "A_02,", "field 1 is not a label"),
        ("label_list.txt", "Label_A_02,", "Label_B_02,", "field 1 is not a label"),
        ("attributes_per_class.txt", "[", "", "no numbers in brackets"),
        ("attributes_per_class.txt", "0.5", "half", "could not convert"),
        ("images.txt", "0, 1, 20, 30", "0, 1, 20", "four edges of a box"),
        ("images.txt", "000003, ", "", "field 2 is not a label"),
        ("split_zsl.txt", "Unseen_List_1: ", "", "not a list of unseen classes"),
        ("split_zsl.txt", "Label_A_03", "Label_A_09", "'Label_A_09' is not in label_list.txt"),
        ("split_zsl.txt", "List_1", "List_4", "no Unseen_List_1"),
    ],
)
def test_every_assumption_about_the_files_is_checked(lad, file, old, new, complaint):
    path = lad / "LAD_annotations" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=rf"{complaint}(.|\n)*{file}"):
        read_lad(lad, "lad:1")
    path.unlink()
    with pytest.raises(DataError, match=file):
        read_lad(lad, "lad:1")


def test_the_advice_for_missing_files_is_the_command():
    from click.testing import CliRunner

    from gzslbench.cli import main

    outcome = CliRunner().invoke(main, ["data", "show", "LAD", "--data", "nowhere"])
    assert outcome.exit_code == 2 and "--layout lad:1" in outcome.output
    assert all(len(line) <= 80 or "https://" in line for line in outcome.output.splitlines())
