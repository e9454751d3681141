"""Metrics that were stored with the toolkit, as a later run is compared with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.reading import reading


def stored_metrics(folders: Iterable[Path], rule: str, metric: str) -> dict[str, float]:
    """By run id, the metric by the rule, of every JSON file in ``folders``.

    Raises:
        StoreError: A file cannot be read, or is damaged.
    """
    found: dict[str, float] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        with reading(path, StoreError):
            text = path.read_bytes()
        try:
            runs = [run for group in json.loads(text)["runs"].values() for run in group["runs"]]
            found |= {
                run["id"]: float(run["by_rule"][rule][metric])
                for run in runs
                if rule in run.get("by_rule", {})
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"no stored metrics: {error}",
                where=path,
                fix="restore the file from a copy, or measure again",
            ) from error
    return found
