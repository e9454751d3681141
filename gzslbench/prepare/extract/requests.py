"""Turn command-line values into a request to an extractor, load the extractor, name its features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name

from gzslbench.errors import ExtractionError, did_you_mean
from gzslbench.plugins.extractor import Crops, Extractor, ExtractorSpec, Load, Preparation, Request


def make_request(
    spec: ExtractorSpec, model: str = "", weights: str | None = None, layer: str = "", pooling: str = ""
) -> Request:
    """Make a valid request to ``spec``. Empty values mean its defaults.

    Raises:
        ExtractionError: The extractor has no such layer or pooling, or needs a model, or takes none.
    """
    where = f"--extractor {spec.name}" + (f":{model}" if model else "")
    if spec.model and not model:
        raise ExtractionError(
            f"{spec.name} needs a model", where=where, fix=f"write {spec.name}:{spec.model}"
        )
    if model and not spec.model:
        raise ExtractionError(f"{spec.name} takes no model", where=where, fix=f"write only {spec.name}")
    return Request(
        model,
        weights,
        _choose(spec.layers, layer, "--layer", spec),
        _choose(spec.poolings, pooling, "--pooling", spec),
    )


def load_extractor(spec: ExtractorSpec, request: Request, crops: Crops | None = None) -> Extractor:
    """Load the network of a request. ``crops`` replaces the default crops of the images.

    Raises:
        ExtractionError: The network cannot be loaded, or does not let us choose its crops.
    """
    load: Load = resolve_name(spec.load)
    extractor = load(request)
    if crops is None:
        return extractor
    if not isinstance(extractor.preparation, Preparation):
        raise ExtractionError(
            f"{spec.name} preprocesses images with its own library", where=f"--crops {crops}",
            fix="leave --crops out",
        )  # fmt: skip
    return replace(extractor, preparation=replace(extractor.preparation, crops=crops))


def features_name(spec: ExtractorSpec, request: Request, crops: Crops | None, boxed: bool) -> str:
    """Return the features' name: the extractor, and everything that is not its default."""
    defaults = (spec.layers[:1], spec.poolings[:1])
    changed = [
        _format_layer(value)
        for value, default in zip((request.layer, request.pooling), defaults, strict=True)
        if value and (value,) != default
    ]
    parts = (spec.name, _model_name(request.model), *changed, crops, "boxes" if boxed else "")
    name = "_".join(filter(None, parts)).replace("-", "_")
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in name)


def _model_name(model: str) -> str:
    """Return a folder's own name, or the name of a model on a hub as it is."""
    folder = Path(model).expanduser()
    return folder.resolve().name if model and folder.is_dir() else model


def _format_layer(value: str) -> str:
    """Write a number so that ``-2`` and ``2`` give different names."""
    if not value.lstrip("-").isdigit():
        return value
    return f"layer_minus_{value.lstrip('-')}" if value.startswith("-") else f"layer_{value}"


def _choose(known: Sequence[str], value: str, option: str, spec: ExtractorSpec) -> str:
    if known and not value:
        return known[0]
    if known and value not in known:
        raise ExtractionError(
            f"{spec.name} has no {value!r}", where=option, fix=did_you_mean(value, list(known))
        )
    return value
