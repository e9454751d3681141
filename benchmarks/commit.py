"""The commit that a checkout is at."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_of(file: Path) -> str | None:
    """The commit that ``file`` is checked out from, with a ``+`` where tracked files differ from it.

    None where no repository tracks the file, as that of an installed package, or where there is no git.
    """
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return None
    commit = _git(file, "rev-parse", "HEAD")
    changed = _git(file, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+" if commit and changed else commit


def _git(file: Path, *arguments: str) -> str | None:
    """What git answers in the folder of ``file``; None where it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=file.parent, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
