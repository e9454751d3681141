"""A dataset in plain JSON types, for people and programs."""

from __future__ import annotations

from typing import Any

from gzslbench.data.dataset import Dataset


def summarize(dataset: Dataset) -> dict[str, Any]:
    """Names, sizes, split, fingerprints, notes, and what made semantics and features, of ``dataset``."""
    return {
        "name": dataset.name,
        "features": dataset.features_name,
        "semantics": dataset.semantics_name,
        "task": dataset.task_id,
        "images": len(dataset.labels),
        "feature_dimension": dataset.features.shape[1],
        "semantics_dimension": dataset.semantics.shape[1],
        "seen_classes": len(dataset.seen_classes),
        "unseen_classes": len(dataset.unseen_classes),
        "split": {
            "name": dataset.split.name,
            **dataset.split.counts,
            "fingerprint": dataset.split.fingerprint,
        },
        "validation": _validation(dataset),
        "content": dataset.content,
        "files": dict(dataset.files),
        "notes": list(dataset.notes),
        "provenance": dict(dataset.provenance),
        "extraction": dict(dataset.extraction),
    }


def _validation(dataset: Dataset) -> dict[str, int]:
    """How many rows and classes the files name for validation."""
    if dataset.validation is None:
        return {}
    hint = vars(dataset.validation)
    return {name: len(listed) for name, listed in hint.items() if listed is not None}
