"""Every command of the page about your own dataset, from top to bottom."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from torch import nn

from gzslbench.cli import main
from gzslbench.plugins.extractor import Extractor, Preparation, Weights

PAGE = Path(__file__).parents[2] / "docs" / "your-own-dataset.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
EACH = 5

pytestmark = pytest.mark.acceptance


class MeanColors(nn.Module):
    """Features that need no weights: the page is about the commands, not about the network."""

    def forward(self, images):
        return images.mean(dim=(2, 3))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with images of every class in the table of the page; each class has its own color."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'gzslbench[images]'")
    extractor = Extractor(MeanColors(), Weights("none", "0" * 64), Preparation(short_side=20, crop=16))
    monkeypatch.setattr("gzslbench.prepare.extract.extract.load_extractor", lambda *_: extractor)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    random = np.random.default_rng(0)
    (table,) = (block for language, block in BLOCKS if language == "csv")
    for row in list(csv.reader(table.splitlines()))[1:]:
        folder = tmp_path / "photos" / row[0]
        folder.mkdir(parents=True)
        colour = 255 * np.array([float(row[1]), float(row[4]), float(row[6])])
        for number in range(EACH):
            pixels = (colour + random.integers(-20, 20, size=(30, 40, 3))).clip(0, 255)
            image.fromarray(pixels.astype(np.uint8)).save(folder / f"a{number + 1}.jpg")
    return tmp_path


def test_every_block_does_what_the_page_says(place):
    files = {"csv": "attributes.csv", "list": "unseen.txt"}
    sounds = ""
    output = ""
    for language, block in BLOCKS:
        if language == "sh":
            for command in block.splitlines():
                program, *arguments = shlex.split(command)
                assert program == "gzslbench"
                done = CliRunner().invoke(main, arguments)
                assert done.exit_code == 0, f"{command}: {done.output}"
                output = done.stdout
                sounds = output if command == "gzslbench leaderboard --dataset sounds" else sounds
                assert "--dry-run" not in command or not (place / "animals").exists()
        elif language == "python":
            exec(compile(block, PAGE, "exec"), {})
        elif language == "text":
            assert [line.rstrip() for line in output.splitlines()] == block.splitlines()
        else:
            (place / files[language]).write_text(block, encoding="utf-8")
    assert len(list((place / "results").glob("*/record.json"))) == 4
    assert "eszsl" in sounds and "sounds/sounds/att" in sounds
    assert {path.name for path in (place / "animals").iterdir()} == {
        "att_splits.mat", "listing.csv", "build.json", "efficientnet_lite0.h5"
    }  # fmt: skip


def test_there_are_blocks_of_every_language():
    assert {language for language, _ in BLOCKS} == {"sh", "csv", "text", "list", "python"}
