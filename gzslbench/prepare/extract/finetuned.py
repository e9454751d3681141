"""The file of fine-tuned weights: `gzslbench finetune` writes it, `gzslbench extract --weights` reads it.

It is a ``torch.save`` of ``format``, ``provenance`` (JSON) and ``weights``, the state_dict of the extractor's
network. It is read without running code. The network itself, its preprocessing and its pretraining are those
of the weights from which the fine-tuning began, so these are loaded first.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import torch
from torch import Tensor

from gzslbench.errors import ExtractionError
from gzslbench.files import reading, sha256_of, write_atomically
from gzslbench.plugins.extractor import Extractor, Load, Request, Weights

FORMAT = "gzslbench fine-tuned weights 1"


class _Provenance(TypedDict):
    """What decides how the weights are loaded; there is more."""

    extractor: str
    base: str | None
    base_weights: str
    base_sha256: str
    pretraining: str
    finetuned: str


def write_finetuned(path: Path, provenance: Mapping[str, object], weights: Mapping[str, Tensor]) -> None:
    """Write the file atomically; the same content gives the same bytes."""
    content = {"format": FORMAT, "provenance": json.dumps(provenance), "weights": dict(weights)}
    elsewhere = "name a file in a folder that you may write to with --out"
    scratch = io.BytesIO()  # into a file of a name, torch writes the name
    torch.save(content, scratch)
    write_atomically(path, scratch.getvalue(), ExtractionError, elsewhere)


def read_finetuned(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Return provenance and weights of a fine-tuned file; None if it is missing or another kind of file.

    Raises:
        ExtractionError: It is a fine-tuned file, and damaged.
    """
    with reading(file, ExtractionError):
        if not file.is_file():
            return None
    try:
        if not zipfile.is_zipfile(file):
            return None
        found = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # torch, pickle and zipfile each raise their own; the extractor's reader explains them
        return None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    try:
        made = json.loads(found["provenance"])
        msgspec.convert(made, _Provenance)
        return made, msgspec.convert(found["weights"], dict[str, Tensor])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        what, fix = f"the file of fine-tuned weights is damaged: {error}", "fine-tune again"
        raise ExtractionError(what, where=file, fix=fix) from error


def load_finetuned(load: Load, extractor: str, request: Request) -> Extractor | None:
    """Load the network of a request whose weights are a fine-tuned file; None for all other weights.

    Raises:
        ExtractionError: The file is of another extractor, or the weights before fine-tuning are not found.
    """
    found = read_finetuned(Path(request.weights)) if request.weights else None
    if found is None:
        return None
    file, (made, weights) = Path(str(request.weights)), found
    if made["extractor"] != extractor:
        what, fix = f"the weights are of {made['extractor']}, not of {extractor}", "name that extractor"
        raise ExtractionError(what, where=file, fix=fix)
    first, near = made["base"], file.with_name(Path(made["base"] or "none").name)
    if first and near.is_file() and not Path(first).is_file():
        first = str(near)
    base = load(replace(request, weights=first))
    if base.weights.sha256 != made["base_sha256"]:
        what = f"they were fine-tuned from other weights than {base.weights.name}"
        fix = f"put {made['base_weights']} (sha256 {made['base_sha256'][:12]}...) next to the file"
        raise ExtractionError(what, where=file, fix=fix)
    try:
        base.network.load_state_dict(weights)
    except RuntimeError as error:
        what, fix = "the file has the weights of another layer or model", "leave --layer and --pooling out"
        raise ExtractionError(what, where=file, fix=fix) from error
    tuned = Weights(file.name, sha256_of(file), made["pretraining"], made["finetuned"], made)
    return replace(base, weights=tuned)
