"""Named random streams, all derived from one root seed.

A stream depends on the root and its names alone, so that drawing more from one (evaluating more often,
say) leaves the others as they were.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def stream(root: int, *names: str | int) -> int:
    """A seed of 63 bits for the stream ``names`` under ``root``."""
    text = "/".join(map(str, (root, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(device: torch.device | str, root: int, *names: str | int) -> torch.Generator:
    """A generator on ``device`` at the start of the stream ``names`` under ``root``."""
    import torch

    return torch.Generator(device=device).manual_seed(stream(root, *names))
