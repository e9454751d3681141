"""Checkpoints: written whole or not at all, read without running code, refused when foreign."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from gzslbench.errors import CheckpointError

FORMAT = "gzslbench checkpoint 1"


def save_checkpoint(path: Path, owner: str, state: dict[str, Any]) -> None:
    """Write ``state`` of the run ``owner`` to ``path``, replacing what was there in one step.

    Raises:
        CheckpointError: The file cannot be written; the one before it is still there.
    """
    scratch = path.with_suffix(".tmp")
    try:
        with scratch.open("wb") as file:
            torch.save({"format": FORMAT, "owner": owner, "state": state}, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except (OSError, RuntimeError) as error:
        scratch.unlink(missing_ok=True)
        raise CheckpointError(
            f"the checkpoint cannot be written: {error}",
            where=path,
            fix="free space or choose another --results folder, then go on with --resume",
        ) from error


def load_checkpoint(path: Path, owner: str, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The state of the run ``owner`` saved at ``path``, on ``device``.

    Raises:
        CheckpointError: The file is damaged, is no checkpoint of ours, or belongs to another run.
    """
    remedy = "delete it, or run without --resume to begin anew"
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except (
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        BadZipFile,
        pickle.UnpicklingError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"the checkpoint is damaged: {reason}", where=path, fix=remedy) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            "this is no checkpoint of gzslbench, or one of another version", where=path, fix=remedy
        )
    if content["owner"] != owner:
        raise CheckpointError(
            f"the checkpoint belongs to run {content['owner']}, not {owner}", where=path, fix=remedy
        )
    state: dict[str, Any] = content["state"]
    return state
