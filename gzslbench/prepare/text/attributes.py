"""Vectors of attributes from their names: by their words alone, by word vectors, or by a text encoder."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gzslbench._version import VERSION
from gzslbench.data.attributes import SEPARATOR
from gzslbench.errors import DataError
from gzslbench.files import check_file, reading, sha256_of, write_atomically
from gzslbench.prepare.text.build import Basis

if TYPE_CHECKING:
    import torch

WORDS = "words"
"""The encoder that needs no file: a column for each word, weighted by how rare it is."""
NAMES = "attributes.txt"
_LINE = re.compile(r"\s*(?:\d+[\s.:]+)?(\S.*?)\s*")
_HOW = "one attribute a line, in the order of the columns; a number in front is ignored"


def read_attribute_names(path: Path, columns: int) -> list[str]:
    """Read the names of the columns of semantics, as attributes.txt of CUB and predicates.txt of AWA2.

    Raises:
        DataError: The file is missing, or does not have one line for each of the ``columns``.
    """
    check_file(path, DataError)
    with reading(path, DataError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    names = [match[1] for match in map(_LINE.fullmatch, lines) if match]
    if len(names) != columns:
        what = f"{len(names)} names of attributes, but the semantics have {columns} columns"
        raise DataError(what, where=path, fix=_HOW)
    return names


def words_of(name: str) -> list[str]:
    """Return the words of an attribute's name: ``has_bill_shape::hooked`` gives bill, shape, hooked."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    return [word for word in words if word != "has"] or words


def build_attributes(
    basis: Basis, name: str, encoder: str, names: Path | None, device: torch.device
) -> tuple[Path, dict[str, object]]:
    """Write the file of the vectors ``name`` for the semantics of ``basis``; return it and its provenance.

    Args:
        basis: The semantics whose columns are attributes.
        name: What follows the plus sign in ``--semantics att+NAME``.
        encoder: ``words``, a .txt file of word vectors as GloVe has them, or a text encoder's name or folder.
        names: The file with the names; None takes attributes.txt next to the semantics.
        device: Where a text encoder computes.
    """
    folder = basis.file.parent
    source = names or folder / NAMES
    if names is None and not source.is_file():
        what, fix = "the names of the attributes are not there", f"name a file with --attributes: {_HOW}"
        raise DataError(what, where=source, fix=fix)
    attributes = read_attribute_names(source, basis.columns)
    vectors, how = _encode(attributes, encoder, device)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1))
    if len(bad):
        what = f"the attribute {attributes[bad[0]]!r} has no vector: none of its words is known"
        raise DataError(what, where=encoder, fix="write its name in other words, or use another encoder")
    provenance = {**how, "names": {"file": source.name, "sha256": sha256_of(source)}, "gzslbench": VERSION}
    target = folder / f"{basis.semantics}{SEPARATOR}{name}.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["attribute", *range(vectors.shape[1])])
    writer.writerows(
        [attribute, *map(repr, row)] for attribute, row in zip(attributes, vectors.tolist(), strict=True)
    )
    elsewhere = "copy the dataset to a folder that you may write to"
    write_atomically(target.with_suffix(".json"), json.dumps(provenance, indent=1), DataError, elsewhere)
    write_atomically(target, text.getvalue(), DataError, elsewhere)
    return target, provenance


def _encode(
    attributes: Sequence[str], encoder: str, device: torch.device
) -> tuple[NDArray[np.float32], dict[str, object]]:
    words = [words_of(attribute) for attribute in attributes]
    if encoder == WORDS:
        from sklearn.feature_extraction.text import TfidfVectorizer

        counted = TfidfVectorizer(analyzer=lambda listed: listed).fit_transform(words)
        return counted.toarray().astype(np.float32), {"encoder": WORDS}
    path = Path(encoder).expanduser()
    if path.is_file():
        known = read_word_vectors(path, {word for listed in words for word in listed})
        width = len(next(iter(known.values()))) if known else 1
        none = np.zeros(width, dtype=np.float32)
        means = [
            np.mean([known[word] for word in listed if word in known] or [none], axis=0) for listed in words
        ]
        missing = sorted({word for listed in words for word in listed} - known.keys())
        how: dict[str, object] = {
            "encoder": "word vectors",
            "file": path.name,
            "sha256": sha256_of(path),
            "unknown_words": missing,
        }
        return np.array(means, dtype=np.float32), how
    from gzslbench.prepare.text.encoder import load_encoder

    loaded = load_encoder(encoder, device)
    return loaded.encode([" ".join(listed) for listed in words]), loaded.provenance()


def read_word_vectors(path: Path, wanted: set[str]) -> dict[str, NDArray[np.float32]]:
    """Read the vectors of some words from a text file as GloVe has it: a word and its numbers on each line.

    Raises:
        DataError: A line of a wanted word has no numbers, or another count of them than the line before.
    """
    found: dict[str, NDArray[np.float32]] = {}
    check_file(path, DataError)
    with reading(path, DataError), path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            word, _, rest = line.strip().partition(" ")
            if word not in wanted:
                continue
            try:
                vector = np.array(rest.split(), dtype=np.float32)
            except ValueError as error:
                what, where = f"the vector of {word!r} is not numbers: {error}", f"{path}: line {number}"
                raise DataError(what, where=where, fix="use a file of word vectors") from error
            if not len(vector) or (found and len(vector) != len(next(iter(found.values())))):
                what = f"the vector of {word!r} has {len(vector)} numbers, others have more or fewer"
                raise DataError(what, where=f"{path}: line {number}", fix="download the file again")
            found[word] = vector
    return found
