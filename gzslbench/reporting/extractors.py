"""Feature extractors on the terminal and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gzslbench.extractor import ExtractorSpec, Preparation

ABOUT = ("name", "title", "paper", "year", "url", "width", "weights", "version")


def as_json(spec: ExtractorSpec) -> dict[str, Any]:
    """All that is known of it without loading it."""
    return {**{name: getattr(spec, name) for name in ABOUT}, "preparation": asdict(spec.preparation)}


def in_words(preparation: Preparation) -> str:
    """How a photograph becomes the network's input."""
    mean, std = (" ".join(f"{value:g}" for value in each) for each in (preparation.mean, preparation.std))
    return (
        f"shorter side {preparation.short_side} pixels ({preparation.interpolation}, longer side rounded"
        f" {preparation.rounding}), centre {preparation.crop} x {preparation.crop}, mean {mean}, std {std}"
    )
