"""Semantics, and the texts that they are computed from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench_benchmarks.torture.mutations import mutate_json, mutate_lines, mutate_npy
from gzslbench_benchmarks.torture.readers.arrays import make_arrays, write_csv
from gzslbench_benchmarks.torture.readers.datasets import ATTRIBUTES, CLASSES
from gzslbench_benchmarks.torture.readers.reader import Reader


def make_texts(folder: Path) -> None:
    """Write tables, class lists and texts."""
    random = np.random.default_rng(0)
    rows = [[name, *map(str, random.random(ATTRIBUTES).round(3))] for name in CLASSES]
    write_csv(folder / "semantics.csv", [["class", *(f"a{i}" for i in range(ATTRIBUTES))], *rows])
    texts = {name: [f"a {name}", "with a tail"] if i % 2 else f"a {name}" for i, name in enumerate(CLASSES)}
    (folder / "texts.json").write_text(json.dumps(texts))
    write_csv(folder / "texts.csv", [["class", "text"], *([name, f"a, {name}"] for name in CLASSES)])
    attributes = [f"has {word}" for word in ("red", "blue", "tail", "wings", "paws", "stripes")]
    vectors = [[name, *map(str, random.random(4).round(3))] for name in attributes]
    write_csv(folder / "att+words.csv", [["attribute", 0, 1, 2, 3], *vectors])
    (folder / "attributes.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(attributes, 1)))
    (folder / "words.txt").write_text("red 0.1 0.2\nblue 0.3 0.4\ntail 1 2\nother 5 6\n")


def _read_table(file: Path) -> Any:
    from gzslbench.prepare.building.tables import read_table

    return read_table(file, CLASSES).values


def _read_descriptions(file: Path) -> Any:
    from gzslbench.prepare.text.texts import match_descriptions, read_descriptions

    return match_descriptions(read_descriptions(file), CLASSES, file)


def _read_attributes(file: Path) -> Any:
    from gzslbench.data.attributes import read_attributes

    return read_attributes(file).vectors


def _read_attribute_names(file: Path) -> Any:
    from gzslbench.prepare.text.attributes import read_attribute_names

    return read_attribute_names(file, ATTRIBUTES)


def _read_word_vectors(file: Path) -> Any:
    from gzslbench.prepare.text.attributes import read_word_vectors

    return read_word_vectors(file, {"red", "blue", "tail"})


READERS = (
    Reader("semantics-csv", make_texts, "semantics.csv", mutate_lines, _read_table),
    Reader("semantics-npy", make_arrays, "semantics.npy", mutate_npy, _read_table),
    Reader("descriptions-json", make_texts, "texts.json", mutate_json, _read_descriptions),
    Reader("descriptions-csv", make_texts, "texts.csv", mutate_lines, _read_descriptions),
    Reader("attribute-vectors", make_texts, "att+words.csv", mutate_lines, _read_attributes),
    Reader("attribute-names", make_texts, "attributes.txt", mutate_lines, _read_attribute_names),
    Reader("word-vectors", make_texts, "words.txt", mutate_lines, _read_word_vectors),
)
