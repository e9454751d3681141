from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import gzslbench as gz
from gzslbench.plugins.params import fields_of
from gzslbench.plugins.presets import load_presets
from gzslbench.plugins.registry import Plugins, plugins

PUBLISHED = """
title = "CE-GZSL"
shared = { semantics = "att", source = "the paper", verified = "seen" }

[[results]]
dataset = "CUB"
U = 60
S = 40
H = 50
features = "ViT"
finetuned = true
split = "ps-v2"
note = "one is misprinted"

[[results]]
dataset = "CUB"
U = 60
S = 40
label = "a rerun"
setting = "transductive"
source = "README of a/b"

[[results]]
dataset = "SUN"
H = 51.25
source = "the paper, once"
verified = "memory"

[[results]]
dataset = "APY"
T1 = 30
source = "the paper, once"
verified = "doubtful"
"""


def test_every_method_is_listed_with_paper_kind_and_setting(invoke) -> None:
    done = invoke("methods")
    assert done.exit_code == 0
    for spec in plugins().methods().values():
        row = next(line for line in done.output.splitlines() if line.startswith(spec.name))
        for text in (spec.title, spec.kind, spec.setting, spec.paper):
            assert text in row


def test_every_parameter_and_preset_of_a_method_is_described(invoke) -> None:
    spec = plugins().method("ce-gzsl")
    done = invoke("methods", "ce-gzsl")
    assert done.exit_code == 0
    starts = [line.split()[0] for line in done.output.splitlines() if line.strip()]
    assert {info.name for info in fields_of(spec.params)} <= set(starts)
    for name, preset in load_presets(spec).items():
        assert name in starts
        assert " ".join(preset.source.split()[:3]) in done.output


def test_presets_and_defaults_give_the_settings_of_a_run(invoke) -> None:
    spec = plugins().method("ce-gzsl")
    described = json.loads(invoke("methods", "ce-gzsl", "--json").output)
    defaults = {item["name"]: item["default"] for item in described["parameters"]}
    assert described["presets"]["default"]["values"] == {}
    for name, preset in load_presets(spec).items():
        shown = {**defaults, **described["presets"][name]["values"]}
        assert shown == {**asdict(spec.params()), **preset.values}


def test_an_unknown_method_is_answered_with_the_nearest(invoke) -> None:
    done = invoke("methods", "ce-gsl")
    assert done.exit_code == 2
    assert "did you mean 'ce-gzsl'?" in done.stderr


@pytest.fixture
def offer(tmp_path: Path, monkeypatch) -> Path:
    """A folder of published numbers, the only one on offer."""
    folder = tmp_path / "published"
    folder.mkdir()
    monkeypatch.setattr(Plugins, "published", lambda _: [folder])
    return folder


def rows_of(output: str) -> list[list[str]]:
    """The cells of the rows below the title of the published numbers."""
    lines = output[output.index("published numbers") :].splitlines()
    return [line.split() for line in lines[2 : lines.index("")]]


def test_the_published_numbers_of_a_method_are_shown_with_their_sources(invoke) -> None:
    rows = rows_of(invoke("methods", "ce-gzsl").output)
    (sentences,) = [row for row in rows if row[:4] == ["CUB", "sent", "res101", "63.9"]]
    assert sentences[4:8] == ["66.8", "65.3", "77.5", "ps-v1"]
    assert sentences[8:11] == ["test-peek", "none", "seen"]
    assert " ".join(sentences[11:]) == "READMEs of SAYXNER/SCFA-GZSL and JingHu-gdut/DKGZSL"
    shown = json.loads(invoke("methods", "ce-gzsl", "--json").output)["published"]
    (author,) = [item for item in shown if (item["dataset"], item["semantics"]) == ("CUB", "att")]
    assert author["source"] == "the author, issue 4 of Hanzy1996/CE-GZSL"
    assert (author["verified"], author["consistent"]) == ("seen", True)
    assert author["harmonic"] == pytest.approx(56.33, abs=0.01)


def test_published_numbers_that_are_doubtful_are_marked_and_the_marks_explained(invoke, offer: Path) -> None:
    (offer / "ce-gzsl.toml").write_text(PUBLISHED)
    rows = rows_of(invoke("methods", "ce-gzsl").output)
    assert [" ".join(row) for row in rows] == [
        "CUB att ViT, fine-tuned 60.0 40.0 50.0 ! ps-v2 unknown unknown seen the paper; one is misprinted",
        "CUB att res101 60.0 40.0 48.0 * unknown unknown unknown seen a rerun, transductive: README of a/b",
        "SUN att res101 51.25 unknown unknown unknown memory the paper, once",
        "APY att res101 30.0 unknown unknown unknown doubtful the paper, once",
        "! H is not 2US/(U+S): one of the three is wrong",
        "* H computed from U and S",
        "seen somebody read the number in its source",
        "memory the number is from memory: look it up before you cite it",
        "doubtful the number is from memory, and unsure",
    ]
    shown = json.loads(invoke("methods", "ce-gzsl", "--json").output)["published"]
    assert [item["consistent"] for item in shown] == [False, None, None, None]
    assert [item["harmonic"] for item in shown] == [48.0, 48.0, None, None]


def test_a_method_of_which_nothing_is_published_says_so(invoke, offer: Path) -> None:
    assert "published numbers  none known" in invoke("methods", "ce-gzsl").output
    assert json.loads(invoke("methods", "ce-gzsl", "--json").output)["published"] == []


def test_a_damaged_file_of_published_numbers_is_named(invoke, offer: Path) -> None:
    (offer / "ce-gzsl.toml").write_text(PUBLISHED.replace('"SUN"', '"SUM"'))
    done = invoke("methods", "ce-gzsl")
    assert done.exit_code == 2
    assert f"{offer / 'ce-gzsl.toml'}: entry 3 (SUM)" in done.stderr
    assert "did you mean 'SUN'?" in done.stderr
    assert invoke("methods", "f-clswgan").exit_code == 0


def test_of_methods_that_are_not_installed_the_published_numbers_are_shown(invoke) -> None:
    names = invoke("methods", "--published").output.split()
    assert {"agzsl", "duet", "transzero-pp"} <= set(names) and "ce-gzsl" not in names
    assert json.loads(invoke("methods", "--published", "--json").output) == names
    output = invoke("methods", "transzero-pp").output
    assert "TransZero++, Chen et al., TPAMI 2023" in output
    assert "selection and calibration: shiming-chen/TransZero_pp, train_awa2.py:74" in output
    shown = json.loads(invoke("methods", "transzero-pp", "--json").output)
    assert {number["dataset"]: number["H"] for number in shown} == {"AWA2": 72.5, "CUB": 70.4, "SUN": 42.5}
    assert {number["calibration"] for number in shown} == {"fixed"}


def test_the_command_and_the_function_name_the_columns_alike(invoke) -> None:
    shown = next(
        line for line in invoke("methods", "cnzsl").output.splitlines() if line.startswith("parameter")
    )
    columns = list(gz.methods("cnzsl").rows()[0])
    assert shown.split()[1:] == [name for name in columns if name not in ("name", "unit")]
