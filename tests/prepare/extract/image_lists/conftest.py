from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

SEEN, UNSEEN, EACH = 3, 2, 6


class Archive:
    """A dataset's folder with splits, and images' places beside it; rows of a class are neighbours."""

    def __init__(self, root: Path, names: list[str]) -> None:
        self.folder, self.images = root / "dataset", root / "archive" / "images"
        self.folder.mkdir()
        self.images.mkdir(parents=True)
        self.names = names

    def split(self, labels: np.ndarray) -> None:
        """Rows of the last classes are unseen."""
        rows = np.arange(len(labels))
        seen = rows[labels < SEEN]
        parts = {
            "trainval_loc": seen[::2],
            "test_seen_loc": seen[1::2],
            "test_unseen_loc": rows[labels >= SEEN],
        }
        savemat(
            self.folder / "att_splits.mat",
            {
                "att": np.random.default_rng(0).normal(size=(4, SEEN + UNSEEN)),
                "allclasses_names": np.array([[name] for name in self.names], dtype=object),
                **{name: part[:, None] + 1 for name, part in parts.items()},
            },
        )

    def image(self, name: str) -> None:
        """An empty file: listings read names alone."""
        (self.images / name).parent.mkdir(parents=True, exist_ok=True)
        (self.images / name).touch()

    def features(self, names: list[str], labels: np.ndarray) -> None:
        """A published feature file that names images."""
        savemat(
            self.folder / "res101.mat",
            {
                "features": np.zeros((3, len(names))),
                "labels": labels[:, None] + 1,
                "image_files": np.array([[f"/home/someone/archive/{name}"] for name in names], dtype=object),
            },
        )


@pytest.fixture
def archive(tmp_path):
    """Makes an archive whose classes have these names."""
    return lambda names: Archive(tmp_path, names)
