"""Find the commit of a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit_of(file: Path) -> str | None:
    """Return the commit of the checkout that contains ``file``, with a ``+`` if tracked files have changed.

    Return None if no repository tracks the file (for example in an installed package), or without git.
    """
    if _git(file, "ls-files", "--error-unmatch", file.name) is None:
        return None
    commit = _git(file, "rev-parse", "HEAD")
    changed = _git(file, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+" if commit and changed else commit


def _git(file: Path, *arguments: str) -> str | None:
    """Return the output of git in the folder of ``file``; None if git fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=file.parent, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
