"""Checkpoints: written atomically, and refused if damaged or of another run."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gzslbench.errors import CheckpointError
from gzslbench.files import atomic_path, reading

FORMAT = "gzslbench checkpoint 2"
_DIGEST = hashlib.sha256().digest_size
_BLOCK = 1 << 20
_REMEDY = "start again with --rerun"


def save_checkpoint(path: Path, owner: str, state: dict[str, Any]) -> None:
    """Write the ``state`` of the run ``owner`` to ``path``, atomically.

    The file is written by ``torch.save``; the 32 bytes of its sha256 follow.

    Raises:
        CheckpointError: The file cannot be written; the checkpoint before it is still there.
    """
    try:
        with atomic_path(path) as scratch, scratch.open("w+b") as file:
            torch.save({"format": FORMAT, "owner": owner, "state": state}, file)
            file.seek(0)
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
            file.write(digest.digest())
    except (OSError, RuntimeError) as error:
        fix = "free space or choose another --results folder, then continue with --resume"
        raise CheckpointError(f"the checkpoint cannot be written: {error}", where=path, fix=fix) from error


def load_checkpoint(path: Path, owner: str, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Load the state of the run ``owner`` from ``path`` to ``device``.

    Raises:
        CheckpointError: The file cannot be read, is damaged, is not a checkpoint, or is of another run.
    """
    with reading(path, CheckpointError, "the checkpoint cannot be read"):
        content = path.read_bytes()
    body, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        raise CheckpointError("the file is not a checkpoint, or it is damaged", where=path, fix=_REMEDY)
    try:
        loaded = torch.load(io.BytesIO(body), map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError("the checkpoint contains more than data", where=path, fix=_REMEDY) from error
    except Exception as error:  # torch and zipfile each raise their own
        raise CheckpointError(f"the checkpoint is damaged: {error}", where=path, fix=_REMEDY) from error
    if not isinstance(loaded, dict) or loaded.get("format") != FORMAT:
        raise CheckpointError("the checkpoint is of another version of gzslbench", where=path, fix=_REMEDY)
    if loaded.get("owner") != owner:
        what = f"the checkpoint belongs to run {loaded.get('owner')}, not {owner}"
        raise CheckpointError(what, where=path, fix=_REMEDY)
    state = loaded.get("state")
    if not isinstance(state, dict):
        raise CheckpointError("the checkpoint has no state", where=path, fix=_REMEDY)
    return state


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """Turn what a state of other types, names or shapes raises in the block into a CheckpointError."""
    try:
        yield
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError) as error:
        what = f"the checkpoint does not fit the run: {str(error).strip().partition(chr(10))[0]}"
        raise CheckpointError(what, where=path, fix=_REMEDY) from error
