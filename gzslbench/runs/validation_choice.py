"""What a run chose on its validation split, kept beside its checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gzslbench.errors import StoreError
from gzslbench.files import write_atomically, writing
from gzslbench.runs.store import RunFolder


def store_choice(folder: RunFolder, choice: Mapping[str, Any]) -> None:
    """Write ``choice`` in one step.

    Raises:
        StoreError: The folder is read-only, full or gone.
    """
    write_atomically(folder.choice_file, json.dumps(choice, indent=1).encode())


def stored_choice(folder: RunFolder) -> dict[str, Any] | None:
    """The choice that an interrupted run has made, if it came so far.

    Raises:
        StoreError: The file is damaged.
    """
    path = folder.choice_file
    if not path.exists():
        return None
    try:
        with writing(path, "the choice of epochs cannot be read"):
            choice: dict[str, Any] = json.loads(path.read_bytes())
        return choice
    except ValueError as error:
        raise StoreError(f"not JSON: {error}", where=path, fix="begin anew with --rerun") from error
