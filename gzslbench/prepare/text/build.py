"""Build semantics from class names or descriptions: find the split to take over, encode, write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench._version import VERSION
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.load import Place, find, require_semantics
from gzslbench.data.variants import SHUFFLED
from gzslbench.errors import DataError, ParamError
from gzslbench.files import check_folder, sha256_of
from gzslbench.prepare.text.encoder import encode_classes, load_encoder
from gzslbench.prepare.text.texts import (
    Texts,
    class_texts,
    fingerprint,
    match_descriptions,
    read_descriptions,
)
from gzslbench.prepare.text.write import Basis, check_target, write_semantics

if TYPE_CHECKING:
    import torch

DEFAULT_SEMANTICS = "att"


@dataclass(frozen=True)
class SemanticsRequest:
    """What to encode, and with which model.

    Attributes:
        name: The name that ``--semantics`` takes later.
        encoder: Name or folder of a sentence-transformers model.
        descriptions: A file of descriptions. None encodes the class names.
        templates: Each with one ``{}``. Without templates the texts stay as they are.

    Raises:
        ParamError: The name is reserved, or cannot be part of a file name.
    """

    name: str
    encoder: str
    descriptions: Path | None = None
    templates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the name."""
        reserved = self.name.startswith(xlsa17.RAW) or SHUFFLED in self.name
        if reserved or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.name):
            raise ParamError(
                f"semantics cannot be called {self.name!r}",
                where="--name",
                fix="use letters, digits, '_', '-' and '.';"
                f" {xlsa17.RAW}… and …{SHUFFLED}… have other meanings",
            )


@dataclass(frozen=True)
class BuildResult:
    """Semantics that have been written.

    Attributes:
        files: The files written.
        classes: The number of classes, C.
        dimension: Numbers per class.
        truncated: Texts that are longer than the model reads.
        provenance: What made the semantics, as stored.
    """

    files: tuple[Path, ...]
    classes: int
    dimension: int
    truncated: int
    provenance: Mapping[str, object]


def find_basis(dataset: str | Path, split_of: str | None, root: str | Path | None = None) -> Basis:
    """Find the semantics ``split_of`` of a dataset. None takes ``att``, or the only semantics."""
    place = find(dataset, root)
    if not isinstance(place, Place):
        raise DataError(
            "this dataset is not in files", where=dataset, fix="name a folder of splits, or an .h5 file"
        )
    folder = place.path
    if folder.is_file():
        stored = hdf5.open_hdf5(folder, split_of)
        return Basis(folder, stored.semantics_name, stored.class_names, folder)
    check_folder(folder, DataError)
    names = xlsa17.semantics_names(folder)
    if not names:
        raise DataError(
            "there are no semantics whose split could be used",
            where=folder / f"*{xlsa17.SPLITS}",
            fix="put att_splits.mat there; or name an .h5 file that has a split",
        )
    name = split_of or (names[0] if len(names) == 1 else DEFAULT_SEMANTICS)
    require_semantics(folder, name)
    splits = xlsa17.read_splits(folder, name)
    return Basis(folder, name, splits.class_names, splits.path)


def collect_texts(basis: Basis, request: SemanticsRequest) -> list[Texts]:
    """Return the texts of every class, exactly as they are encoded."""
    if request.descriptions is None:
        return class_texts(basis.class_names, None, request.templates, basis.file)
    descriptions = read_descriptions(request.descriptions)
    described = match_descriptions(descriptions, basis.class_names, request.descriptions)
    return class_texts(basis.class_names, described, request.templates, request.descriptions)


def build_semantics(
    basis: Basis,
    request: SemanticsRequest,
    device: torch.device,
    out: Path | None = None,
    overwrite: bool = False,
) -> BuildResult:
    """Encode the classes, and write their semantics next to the others, or to ``out``.

    With ``overwrite``, semantics of this name that an earlier call wrote are replaced.
    """
    texts = collect_texts(basis, request)
    check_target(basis, request.name, out, overwrite)  # before the slow part
    encoder = load_encoder(request.encoder, device)
    semantics = encode_classes(encoder, texts, basis.class_names)
    truncated = encoder.count_truncated([text for of_class in texts for text in of_class])
    descriptions = request.descriptions
    provenance = {
        **encoder.provenance(),
        "templates": list(request.templates),
        "descriptions": (
            {"file": descriptions.name, "sha256": sha256_of(descriptions)} if descriptions else None
        ),
        "texts": sum(map(len, texts)),
        "texts_cut": truncated,
        "texts_sha256": fingerprint(texts),
        "split_of": basis.provenance(),
        "gzslbench": VERSION,
        "device": device.type,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    files = write_semantics(basis, request.name, semantics, provenance, out, overwrite)
    classes, dimension = semantics.shape
    return BuildResult(tuple(files), classes, dimension, truncated, provenance)
