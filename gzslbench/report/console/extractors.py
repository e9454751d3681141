"""Feature extractors on the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gzslbench.plugins.extractor import ExtractorSpec, Preparation

ABOUT = (
    "name", "model", "title", "paper", "year", "url", "width", "layers", "poolings", "weights", "about",
    "examples", "version",
)  # fmt: skip
EXTRACT = "gzslbench extract --dataset CUB --images CUB/images --extractor"


def as_json(spec: ExtractorSpec) -> dict[str, Any]:
    """All that is known of it without loading it."""
    preparation = asdict(spec.preparation) if spec.preparation else None
    return {**{name: getattr(spec, name) for name in ABOUT}, "preparation": preparation}


def rows(spec: ExtractorSpec) -> dict[str, Any]:
    """The same in words; what the model decides is said so."""
    words = {
        name: ", ".join(value) if isinstance(value, tuple) else value for name, value in as_json(spec).items()
    }
    words |= {"name": spec.pattern, "model": ""}
    words["examples"] = "\n".join(f"{EXTRACT} {example}" for example in spec.examples)
    words["preparation"] = in_words(spec.preparation) if spec.preparation else None
    decided = {name: "as the model has it" for name in ("width", "layers", "preparation") if not words[name]}
    return {name: value for name, value in {**words, **decided}.items() if value}


def in_words(preparation: Preparation) -> str:
    """How a photograph becomes the network's input."""
    mean, std = (" ".join(f"{value:g}" for value in each) for each in (preparation.mean, preparation.std))
    square, short = f"{preparation.crop} x {preparation.crop}", preparation.short_side
    if preparation.crops == "whole":
        return f"squeezed to {square} ({preparation.interpolation}), mean {mean}, std {std}"
    if preparation.crops == "squeezed":
        squeezed = f"squeezed to {short} x {short} ({preparation.interpolation})"
        return f"{squeezed}, centre {square}, mean {mean}, std {std}"
    crops = "centre" if preparation.crops == "centre" else "centre and corners, also of the mirror image,"
    return (
        f"shorter side {short} pixels ({preparation.interpolation}, longer side rounded"
        f" {preparation.rounding}), {crops} {square}, mean {mean}, std {std}"
    )
