from __future__ import annotations

import json

from click.testing import CliRunner

from gzslbench.cli.data import data
from gzslbench.data.formats.xlsa17 import read_folder


def synth(*arguments):
    return CliRunner().invoke(data, ["synth", *map(str, arguments)])


def test_a_folder_is_written_that_can_be_read(tmp_path):
    target = tmp_path / "APY"
    result = synth("--like", "APY", target, "--scale", 0.01)
    assert result.exit_code == 0, result.output
    assert f"wrote {target}" in result.output
    assert len(read_folder(target, "APY", "res101", ["att"])[0].unseen_classes) == 12


def test_the_dataset_to_be_like_is_found_in_any_case_and_the_nearest_is_named(tmp_path):
    assert synth("--like", "apy", tmp_path / "x", "--scale", 0.01).exit_code == 0
    assert "like APY" in (tmp_path / "x" / "SYNTHETIC.txt").read_text()
    result = synth("--like", "aw-a2", tmp_path / "y")
    assert result.exit_code == 2
    assert "did you mean 'AWA2'?" in result.output


def test_the_next_command_is_quoted_for_the_shell(tmp_path):
    target = tmp_path / "my trial"
    result = synth("--like", "APY", target, "--scale", 0.01)
    assert f"gzslbench data show '{target}'" in result.output


def test_json_names_the_folder_and_its_size(tmp_path):
    target = tmp_path / "APY"
    result = synth("--like", "APY", target, "--scale", 0.01, "--json")
    size = sum(path.stat().st_size for path in target.iterdir())
    assert json.loads(result.output) == {"folder": str(target), "bytes": size}


def test_a_folder_that_is_not_empty_ends_with_exit_code_2_and_what_to_do(tmp_path):
    (tmp_path / "photo.jpg").touch()
    result = synth("--like", "APY", tmp_path)
    assert result.exit_code == 2
    assert "a folder with files" in result.output
    assert "to do:" in result.output
