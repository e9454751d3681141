from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gzslbench.prepare.building.plan import Request

CLASSES = ("antelope", "grizzly bear", "seal", "zebra, plain", 'the "great" auk', "Hölle 🦊")


class Folders:
    """Six classes of five images, which no test of building opens, and a table of semantics."""

    def __init__(self, root: Path) -> None:
        self.images = root / "photos"
        self.table = root / "semantics.csv"
        self.values = {}
        random = np.random.default_rng(0)
        for name in CLASSES:
            for number in range(5):
                self.add(f"{name}/{number}.jpg")
            self.values[name] = random.normal(size=3).astype(np.float32)
        self.write_table()

    def add(self, file: str, content: bytes = b"an image") -> Path:
        path = self.images / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def write_table(self) -> None:
        with self.table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["class", "a", "b", "c"])
            writer.writerows([name, *map(str, values)] for name, values in self.values.items())

    def request(self, **changed) -> Request:
        drawn = {} if "unseen" in changed else {"unseen_classes": 2}
        return Request(**{"images": self.images, "semantics": self.table, **drawn, **changed})


@pytest.fixture
def folders(tmp_path) -> Folders:
    return Folders(tmp_path)
