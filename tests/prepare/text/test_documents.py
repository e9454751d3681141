"""Documents about classes, captions of images, and texts that are longer than the model reads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gzslbench.data.load import load_dataset
from gzslbench.errors import DataError
from gzslbench.prepare.text.documents import FROM_TEST, fingerprint, read_documents

NAMES = ("001.Red_Fox", "002.Barn_Owl", "blue+whale", "honey_bee", "great grey_owl")
"""The classes of the fixture `folder`."""


@pytest.fixture
def read(folder, tmp_path):
    def read_it(content: str | dict[str, str], name: str = "texts.txt"):
        path = tmp_path / name
        for file, text in content.items() if isinstance(content, dict) else [("", content)]:
            written = path / file
            written.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(text, encoding="utf-8")
        return read_documents(path, NAMES, folder, "att")

    return read_it


def test_a_text_file_has_paragraphs_below_the_name_of_each_class(read):
    text = "# Red Fox\n\nIt is red.\nIt hunts.\n\nIt is a fox.\n## Barn Owl\nAn owl # of barns.\n"
    text += "# Red Fox\nAgain."
    expected = {
        "Red Fox": ("It is red. It hunts.", "It is a fox.", "Again."),
        "Barn Owl": ("An owl # of barns.",),
    }
    assert read(text) == (expected, "")


def test_lines_of_a_text_file_are_the_classes_in_the_order_of_their_numbers(read, folder, tmp_path):
    assert read("a\n\nb\nc\nd\ne\n")[0] == dict(
        zip(NAMES, [("a",), ("b",), ("c",), ("d",), ("e",)], strict=True)
    )
    numbered = ("002.Owl", "010.Whale", "001.Fox")
    (tmp_path / "three.txt").write_text("fox\nowl\nwhale")
    found, _ = read_documents(tmp_path / "three.txt", numbered, folder, "att")
    assert found == {"001.Fox": ("fox",), "002.Owl": ("owl",), "010.Whale": ("whale",)}
    with pytest.raises(DataError, match=r"3 lines for 5 classes(.|\n)*# class"):
        read("a\nb\nc\n")


def test_a_folder_has_a_file_or_a_folder_of_files_for_each_class(read):
    content = {
        "Red Fox.txt": "One.\n\nTwo\nlines.",
        "Barn Owl/b.txt": "Third.",
        "Barn Owl/a.txt": "First.\n\n\nSecond.",
        ".hidden/a.txt": "No.",
        "notes.md": "No.",
    }
    expected = {"Red Fox": ("One.", "Two lines."), "Barn Owl": ("First.", "Second.", "Third.")}
    assert read(content, "documents") == (expected, "")


@pytest.mark.parametrize("kind", ["csv", "folder"])
def test_captions_go_to_the_class_of_their_image_but_those_of_test_images_of_seen_classes(read, folder, kind):
    dataset = load_dataset(folder)
    files = dataset.image_files
    if kind == "csv":
        rows = [f'{number},"{file}, of row {number}",{file}' for number, file in enumerate(files)]
        found, note = read("\n".join(["row,text,image", *rows]), "captions.csv")
    else:
        content = {f"any/{file[4:-4]}.txt": f"{file}, of row {row}\n\n" for row, file in enumerate(files)}
        found, note = read(content, "captions")
    used = sorted((*dataset.split.trainval, *dataset.split.test_unseen))
    expected: dict[str, list[str]] = {}
    for row in used:
        expected.setdefault(NAMES[dataset.labels[row]], []).append(f"{files[row]}, of row {row}")
    assert {name: list(texts) for name, texts in found.items()} == expected
    assert note == FROM_TEST and set(found) == set(NAMES)


def test_a_caption_of_no_image_and_a_broken_table_are_errors(read):
    with pytest.raises(DataError, match=r"ZOO has no image 'img/999.jpg'"):
        read("image,text\nimg/999.jpg,a bird\n", "captions.csv")
    with pytest.raises(DataError, match="not a table of captions"):
        read("image,text\nimg/001.jpg,a bird, red\n", "captions.csv")
    with pytest.raises(DataError, match="not a table of captions"):
        read("image,words\nimg/001.jpg,a bird\n", "captions.csv")


def test_the_fingerprint_of_a_folder_depends_on_names_and_contents(tmp_path):
    (tmp_path / "d" / "x").mkdir(parents=True)
    seen = set()
    for file, text in (("x/a.txt", "one"), ("x/a.txt", "two"), ("b.txt", "two")):
        (tmp_path / "d" / file).write_text(text)
        seen |= {fingerprint(tmp_path / "d")}
    (tmp_path / "d" / "notes.md").touch()
    assert len(seen | {fingerprint(tmp_path / "d")}) == 3


def test_captions_become_semantics_and_their_source_is_told(folder, semantics, tmp_path):
    dataset = load_dataset(folder)
    lines = [f"{file},a photo of row {row}" for row, file in enumerate(dataset.image_files)]
    (tmp_path / "captions.csv").write_text("\n".join(["image,text", *lines]))
    outcome = semantics(folder, "captions", "--descriptions", tmp_path / "captions.csv")
    assert outcome.exit_code == 0, outcome.output
    assert FROM_TEST in outcome.stderr
    assert load_dataset(folder, semantics="captions").provenance["note"] == FROM_TEST


def test_long_texts_are_encoded_in_pieces_on_request(folder, semantics, letters, tmp_path):
    letters.longest = 10
    letters.split = lambda text: [text[start : start + 10] for start in range(0, len(text), 10)]
    (tmp_path / "texts.json").write_text(json.dumps({name: f"{name} and more of it" for name in NAMES}))
    outcome = semantics(folder, "cut", "--descriptions", tmp_path / "texts.json")
    assert (
        "5 of 5 texts are longer than the model reads" in outcome.stderr
        and "--long-texts split" in outcome.stderr
    )
    outcome = semantics(folder, "split", "--descriptions", tmp_path / "texts.json", "--long-texts", "split")
    assert outcome.exit_code == 0 and "longer than" not in outcome.output
    found = load_dataset(folder, semantics="split")
    pieces = letters.encode(letters.split(f"{NAMES[2]} and more of it")).astype(np.float64)
    mean = (pieces / np.linalg.norm(pieces, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(found.semantics[2], mean / np.linalg.norm(mean), atol=1e-6)
    assert found.provenance["split_from"] == 5 and found.provenance["texts_cut"] == 0
