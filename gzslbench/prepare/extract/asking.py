"""What is asked of an extractor, in words, and the extraction that answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Crops, Extractor, ExtractorSpec, Load, Request


def ask(
    spec: ExtractorSpec, model: str = "", weights: str | None = None, layer: str = "", pooling: str = ""
) -> Request:
    """A request that ``spec`` can be asked for; what is left empty is the usual one.

    Raises:
        ExtractionError: It has no such layer or pooling, or lacks a model, or takes none.
    """
    where = f"--extractor {spec.name}" + (f":{model}" if model else "")
    if spec.model and not model:
        raise ExtractionError(
            f"{spec.name} takes a model", where=where, fix=f"write {spec.name}:{spec.model}"
        )
    if model and not spec.model:
        raise ExtractionError(f"{spec.name} is one model", where=where, fix=f"write {spec.name} alone")
    return Request(
        model,
        weights,
        _one_of(spec.layers, layer, "--layer", spec),
        _one_of(spec.poolings, pooling, "--pooling", spec),
    )


def answer(spec: ExtractorSpec, request: Request, crops: Crops | None = None) -> Extractor:
    """The network that ``request`` asks for, with its photographs cropped so; None as it usually has them.

    Raises:
        ExtractionError: It cannot be had.
    """
    load: Load = resolve_name(spec.load)
    extractor = load(request)
    if crops is None:
        return extractor
    return replace(extractor, preparation=replace(extractor.preparation, crops=crops))


def features_name(spec: ExtractorSpec, request: Request, crops: Crops | None, boxed: bool) -> str:
    """What the features are called: the extractor, and whatever of it is not the usual.

    A model in a folder is called as the folder is, and a layer that is a number is said to be one.
    """
    usual = (spec.layers[:1], spec.poolings[:1])
    unusual = [
        word
        for word, first in zip((request.layer, request.pooling), usual, strict=True)
        if word and (word,) != first
    ]
    named = [_layer_number(word) for word in unusual]
    words = (spec.name, _own_name(request.model), *named, crops, "boxes" if boxed else "")
    joined = "_".join(filter(None, words)).replace("-", "_")
    return "".join(each if each.isalnum() or each in "._" else "_" for each in joined)


def _own_name(model: str) -> str:
    """A folder's name without those of the folders that it lies in."""
    folder = Path(model).expanduser()
    return folder.resolve().name if model and folder.is_dir() else model


def _layer_number(word: str) -> str:
    """``-2`` and ``2`` would be the same name otherwise."""
    if not word.lstrip("-").isdigit():
        return word
    return f"layer_minus_{word.lstrip('-')}" if word.startswith("-") else f"layer_{word}"


def _one_of(known: Sequence[str], asked: str, option: str, spec: ExtractorSpec) -> str:
    if known and not asked:
        return known[0]
    if known and asked not in known:
        raise ExtractionError(
            f"{spec.name} has no {asked!r}", where=option, fix=did_you_mean(asked, list(known))
        )
    return asked
