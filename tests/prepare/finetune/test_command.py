"""``gzslbench finetune`` and ``gzslbench.finetune``: options, what they print, and what comes next."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import gzslbench as gz
from gzslbench.cli import main
from gzslbench.errors import ParamError
from gzslbench.files import sha256_of
from gzslbench.prepare.extract.finetuned import read_finetuned


@pytest.fixture
def call(studio):
    def invoke(command, *more):
        places = ("--dataset", studio.folder, "--images", studio.images, "--extractor", "net")
        return CliRunner().invoke(main, [command, *map(str, (*places, "--device", "cpu", *more))])

    return invoke


def test_the_command_writes_weights_that_the_next_command_takes(studio, call):
    outcome = call("finetune", "--epochs", 1, "--layers", 1)
    assert outcome.exit_code == 0, outcome.output
    file = studio.folder / "net_finetuned.pt"
    assert f"wrote {file}: epoch" in outcome.output and "epoch 1 of 1: loss" in outcome.output
    assert f"next: gzslbench extract --dataset {studio.folder}" in outcome.output
    assert call("extract", "--weights", file).exit_code == 0
    assert (studio.folder / "net_finetuned.h5").is_file()


def test_python_gives_the_weights_of_the_command(studio, call, tmp_path):
    assert call("finetune", "--epochs", 1, "--out", tmp_path / "one.pt").exit_code == 0
    options = {"images": studio.images, "extractor": "net", "epochs": 1, "device": "cpu", "quiet": True}
    path = gz.finetune(studio.folder, out=tmp_path / "two.pt", **options)
    assert sha256_of(path) == sha256_of(tmp_path / "one.pt")
    with pytest.raises(ParamError, match="no option 'epoch'") as caught:
        gz.finetune(studio.folder, images=studio.images, extractor="net", epoch=1)
    assert "epochs" in caught.value.fix


def test_all_is_the_whole_network_and_a_number_is_positive(call, tmp_path):
    assert call("finetune", "--epochs", 1, "--layers", "all", "--out", tmp_path / "all.pt").exit_code == 0
    assert read_finetuned(tmp_path / "all.pt")[0]["trained"] == ["all"]
    for layers in ("0", "some"):
        assert call("finetune", "--layers", layers).exit_code == 2
