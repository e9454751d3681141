from __future__ import annotations

import configparser
import runpy
from pathlib import Path
from typing import Any

import pytest

from gzslbench.plugins.registry import GROUPS, every_entry, is_own

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "gzslbench": "gzslbench",
    "methods": "gzslbench_methods",
    "features": "gzslbench_features",
    "benchmarks": "gzslbench_benchmarks",
}
DATA = ("*.toml", "README.md", "py.typed", "*.tmpl")


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py passes to setuptools."""
    passed: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("setuptools.setup", passed.update)
    runpy.run_path("setup.py")
    return passed


def package_of(folder: Path) -> str:
    top, *rest = folder.relative_to(ROOT).parts
    return ".".join([FOLDERS[top], *rest])


def folders() -> list[Path]:
    return sorted(file.parent for top in FOLDERS for file in (ROOT / top).rglob("__init__.py"))


def data_files() -> set[Path]:
    """The files that the package_data patterns match."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    tops = {package: top for top, package in FOLDERS.items()}
    matched: set[Path] = set()
    for package, patterns in parser["options.package_data"].items():
        top, *rest = package.split(".")
        folder = ROOT.joinpath(tops[top], *rest)
        for pattern in patterns.split():
            matched |= set(folder.glob(pattern))
    return matched


def test_every_folder_with_code_is_a_package_and_no_other(setup: dict[str, Any]) -> None:
    assert sorted(setup["packages"]) == sorted(package_of(folder) for folder in folders())


def test_every_folder_of_modules_has_an_init() -> None:
    with_code = {file.parent for top in FOLDERS for file in (ROOT / top).rglob("*.py")}
    assert with_code == set(folders())


def test_package_dir_maps_every_folder_to_its_package(setup: dict[str, Any]) -> None:
    assert setup["package_dir"] == {package: folder for folder, package in FOLDERS.items()}


def test_every_data_file_is_matched_by_package_data() -> None:
    there = {file for top in FOLDERS for name in DATA for file in (ROOT / top).rglob(name)}
    assert {file for file in there if file.name == "defaults.toml"}
    assert there - data_files() == set()


def test_every_folder_of_a_method_or_head_has_presets_and_a_readme() -> None:
    tops = (ROOT / "methods", ROOT / "methods" / "heads")
    plugins = [folder for folder in folders() if folder.parent in tops and folder not in tops]
    assert len(plugins) >= 18
    for folder in plugins:
        assert {"defaults.toml", "README.md"} <= {file.name for file in folder.iterdir()}, folder.name


def test_every_method_has_a_plain_form_in_its_folder() -> None:
    methods = [file.parent for file in (ROOT / "methods").glob("*/defaults.toml")]
    assert methods and not [folder.name for folder in methods if not (folder / "plain.py").is_file()]


def test_every_entry_point_names_a_module_that_is_there() -> None:
    modules = {package_of(folder) for folder in folders()}
    modules |= {
        f"{package_of(file.parent)}.{file.stem}" for folder in folders() for file in folder.glob("*.py")
    }
    entries = [entry for entry in every_entry() if is_own(entry)]
    assert len({entry.group for entry in entries} & set(GROUPS)) >= 8
    assert [entry for entry in entries if entry.value not in modules] == []


def test_setup_names_no_method_or_head_and_all_are_found() -> None:
    plugins = [entry for entry in every_entry() if entry.group in ("gzslbench.methods", "gzslbench.heads")]
    ours = [entry for entry in plugins if is_own(entry)]
    assert {entry.value for entry in ours} == {
        package_of(file.parent) for file in (ROOT / "methods").rglob("defaults.toml")
    }
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8") + (ROOT / "setup.py").read_text(encoding="utf-8")
    assert not [entry.value for entry in ours if entry.value in text]
