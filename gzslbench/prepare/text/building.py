"""From the names of classes, or descriptions of them, to semantics that a run takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench._version import VERSION
from gzslbench.data.formats.sources import sha256_of
from gzslbench.data.formats.xlsa17 import RAW
from gzslbench.data.shuffled import SHUFFLED
from gzslbench.errors import ParamError
from gzslbench.prepare.text.basis import Basis
from gzslbench.prepare.text.descriptions import Texts, match, read_descriptions
from gzslbench.prepare.text.encoder import Encoder, Pooling, load_encoder, split_name
from gzslbench.prepare.text.encoding import encode_classes
from gzslbench.prepare.text.texts import class_texts, fingerprint
from gzslbench.prepare.text.writing import check_target, write_semantics

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Recipe:
    """What semantics are made of.

    Attributes:
        name: What ``--semantics`` will take.
        encoder: ``kind:model``.
        descriptions: The file of them; None takes the classes' names.
        templates: Each with one ``{}``; none leaves the texts as they are.
        pooling: Of a text model's last layer; None takes its own, or the mean.

    Raises:
        ParamError: The name will not do.
        EncoderError: There is no such kind of encoder.
    """

    name: str
    encoder: str
    descriptions: Path | None = None
    templates: tuple[str, ...] = ()
    pooling: Pooling | None = None

    def __post_init__(self) -> None:
        """Refuse a name that a file cannot have or that means something else, and an unknown encoder."""
        reserved = self.name.startswith(RAW) or SHUFFLED in self.name
        if reserved or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.name):
            raise ParamError(
                f"{self.name!r} cannot be a name of semantics",
                where="--name",
                fix=f"use letters, digits, '_', '-' and '.'; {RAW}… and …{SHUFFLED}… mean something else",
            )
        split_name(self.encoder)


@dataclass(frozen=True)
class Built:
    """Semantics that have been written.

    Attributes:
        files: Those written.
        classes: C.
        dimension: Of a class's semantics.
        cut: Texts that are longer than the model reads.
        provenance: As it is stored.
    """

    files: tuple[Path, ...]
    classes: int
    dimension: int
    cut: int
    provenance: Mapping[str, object]


def texts_of(basis: Basis, recipe: Recipe) -> list[Texts]:
    """The texts of every class, as they would be encoded.

    Raises:
        DataError: A class has none, or the descriptions are of other classes.
        ParamError: A template will not do.
    """
    if recipe.descriptions is None:
        return class_texts(basis.class_names, None, recipe.templates, basis.file)
    described = match(read_descriptions(recipe.descriptions), basis.class_names, recipe.descriptions)
    return class_texts(basis.class_names, described, recipe.templates, recipe.descriptions)


def build_semantics(
    basis: Basis, recipe: Recipe, device: torch.device, out: Path | None = None, overwrite: bool = False
) -> Built:
    """Encode the classes and write their semantics beside the others, or to ``out``.

    Args:
        basis: The semantics whose split and class names are taken over.
        recipe: What the new ones are made of.
        device: Where the encoder computes.
        out: A splits file to write elsewhere.
        overwrite: Whether earlier semantics of this name may be replaced, if we made them.

    Raises:
        DataError: The texts or the semantics will not do, or the files cannot be written.
        EncoderError: The encoder cannot be loaded.
    """
    texts = texts_of(basis, recipe)
    check_target(basis, recipe.name, out, overwrite)
    encoder = load_encoder(recipe.encoder, recipe.pooling, device)
    semantics = encode_classes(encoder, texts, basis.class_names)
    cut = encoder.cut([text for each in texts for text in each])
    provenance = _provenance(basis, recipe, encoder, texts, cut, device)
    files = write_semantics(basis, recipe.name, semantics, provenance, out, overwrite)
    classes, dimension = semantics.shape
    return Built(tuple(files), classes, dimension, cut, provenance)


def _provenance(
    basis: Basis, recipe: Recipe, encoder: Encoder, texts: list[Texts], cut: int, device: torch.device
) -> dict[str, object]:
    described = recipe.descriptions
    return {
        **encoder.provenance(),
        "templates": list(recipe.templates),
        "descriptions": {"file": described.name, "sha256": sha256_of(described)} if described else None,
        "texts": sum(map(len, texts)),
        "texts_cut": cut,
        "texts_sha256": fingerprint(texts),
        "split_of": basis.provenance(),
        "gzslbench": VERSION,
        "device": device.type,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
