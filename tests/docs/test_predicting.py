"""The commands of the page about prediction, from real photographs to the class of one that was held out."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "predicting.md"
(BLOCK,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
CLASSES, UNSEEN, EACH = 14, 3, 10

pytestmark = pytest.mark.acceptance


@pytest.fixture
def held_out(real_data, tmp_path, monkeypatch):
    """Photographs of some classes of CUB in the working folder; returns the name of the one held out."""
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs 'gzslbench[efficientnet-lite0]'")
    source = real_data / "CUB100"
    if not source.is_dir():
        pytest.skip("CUB100 is not among the real data")
    monkeypatch.chdir(tmp_path)
    with (source / "att.csv").open(newline="") as file:
        table = {row[0]: row for row in csv.reader(file)}
    names = sorted(path.name for path in (source / "images").iterdir())[: CLASSES + 1]
    *known, further = names
    for name in known:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for photograph in sorted((source / "images" / name).iterdir())[1 : EACH + 1]:
            (tmp_path / "photos" / name / photograph.name).symlink_to(photograph)
    first = known[0]
    (tmp_path / "new-photograph.jpg").symlink_to(sorted((source / "images" / first).iterdir())[0])
    for place, rows in (("attributes.csv", known), ("more-birds.csv", [further])):
        with (tmp_path / place).open("w", newline="") as file:
            csv.writer(file).writerows(table[name] for name in rows)
    (tmp_path / "unseen.txt").write_text("\n".join(known[-UNSEEN:]))
    return first, further


def test_a_photograph_that_was_held_out_gets_its_class(held_out):
    name, further = held_out
    outputs = []
    for command in BLOCK.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "gzslbench"
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, f"{command}: {done.output}"
        outputs.append(done.stdout)
    assert len(outputs) == 4
    assert name in outputs[2]
    ((image,),) = (json.loads(outputs[3])["predictions"],)
    assert image["image"] == "new-photograph.jpg"
    assert len(image["classes"]) == 5
    done = CliRunner().invoke(main, [*shlex.split(BLOCK.splitlines()[3])[1:], "--top", "99"])
    ((everything,),) = (json.loads(done.stdout)["predictions"],)
    kinds = {guess["name"]: guess["kind"] for guess in everything["classes"]}
    assert len(kinds) == CLASSES + 1
    assert kinds[further] == "added"
    assert sorted(kinds.values()).count("unseen") == UNSEEN
