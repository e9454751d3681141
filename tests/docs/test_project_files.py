"""The files that a host of the project reads: they can be parsed, and agree with the package."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="needs PyYAML: pip install 'gzslbench[docs]'")
ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_there_is_a_form_for_each_kind_of_contribution():
    names = {path.stem for path in FORMS}
    assert {"new-method", "new-dataset", "new-published-number", "wrong-number"} <= names


@pytest.mark.parametrize(
    "path", [form for form in FORMS if form.stem != "config"], ids=lambda path: path.stem
)
def test_a_form_has_what_the_host_needs(path):
    form = read(path)
    assert form["name"] and form["description"]
    fields = [item for item in form["body"] if item["type"] != "markdown"]
    ids = [item["id"] for item in fields]
    assert len(ids) == len(set(ids)) > 0
    for item in fields:
        assert item["attributes"]["label"]
        if item["type"] in ("dropdown", "checkboxes"):
            assert item["attributes"]["options"]


def test_the_workflow_tests_every_version_of_python_that_the_package_names():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    named = re.findall(r"Python :: (3\.\d+)", parser["metadata"]["classifiers"])
    workflow = read(ROOT / ".github" / "workflows" / "ci.yml")
    assert workflow["jobs"]["check"]["strategy"]["matrix"]["python"] == named
    for job in workflow["jobs"].values():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        for command in commands:
            target = command.removeprefix("make ")
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert (ROOT / command).is_file() or re.search(rf"^{target}:", makefile, re.MULTILINE), command


def test_the_hooks_before_a_commit_call_programs_of_the_makefile():
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert {hook["id"] for hook in repository["hooks"]} == {"ruff", "ruff-format", "mypy"}


def test_the_citation_names_the_version_that_is_released_next():
    from gzslbench._version import VERSION

    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == VERSION.partition(".dev")[0]
    assert citation["authors"] == [{"name": "The gzslbench authors"}]
    for page in ("README.md", "docs/citing.md"):
        assert f"version = {{{citation['version']}}}" in (ROOT / page).read_text(encoding="utf-8")
