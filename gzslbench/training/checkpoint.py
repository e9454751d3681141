"""Checkpoints: written whole or not at all, read without running code, refused when damaged or foreign."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from gzslbench.errors import CheckpointError
from gzslbench.files import atomic_path

FORMAT = "gzslbench checkpoint 2"
_DIGEST = hashlib.sha256().digest_size
_BLOCK = 1 << 20
_REMEDY = "begin anew with --rerun"


def save_checkpoint(path: Path, owner: str, state: dict[str, Any]) -> None:
    """Write ``state`` of the run ``owner`` to ``path``, replacing what was there in one step.

    The file is torch's own, followed by the 32 bytes of its sha256.

    Raises:
        CheckpointError: The file cannot be written; the one before it is still there.
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
        raise CheckpointError(
            f"the checkpoint cannot be written: {error}",
            where=path,
            fix="free space or choose another --results folder, then go on with --resume",
        ) from error


def load_checkpoint(path: Path, owner: str, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The state of the run ``owner`` saved at ``path``, on ``device``.

    Raises:
        CheckpointError: The file cannot be read, is damaged, is none of ours, or belongs to another run.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"the checkpoint cannot be read: {error.strerror}", where=path, fix="make it readable"
        ) from error
    body, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        raise CheckpointError("this is no checkpoint of gzslbench, or it is damaged", where=path, fix=_REMEDY)
    try:
        loaded = torch.load(io.BytesIO(body), map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError("the checkpoint holds what is no data", where=path, fix=_REMEDY) from error
    if loaded.get("format") != FORMAT:
        raise CheckpointError("the checkpoint is of another version of gzslbench", where=path, fix=_REMEDY)
    if loaded["owner"] != owner:
        raise CheckpointError(
            f"the checkpoint belongs to run {loaded['owner']}, not {owner}", where=path, fix=_REMEDY
        )
    state: dict[str, Any] = loaded["state"]
    return state
