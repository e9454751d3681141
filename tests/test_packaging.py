from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from gzslbench.plugins.registry import GROUPS

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "gzslbench": "gzslbench",
    "methods": "gzslbench_methods",
    "features": "gzslbench_features",
    "benchmarks": "gzslbench_benchmarks",
}
DATA = ("*.toml", "README.md", "py.typed", "*.tmpl")


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def package_of(folder: Path) -> str:
    top, *rest = folder.relative_to(ROOT).parts
    return ".".join([FOLDERS[top], *rest])


def folders() -> list[Path]:
    return sorted(file.parent for top in FOLDERS for file in (ROOT / top).rglob("__init__.py"))


def data_files(setup: configparser.ConfigParser) -> set[Path]:
    """The files that the package_data patterns match."""
    tops = {package: top for top, package in FOLDERS.items()}
    matched: set[Path] = set()
    for package, patterns in setup["options.package_data"].items():
        top, *rest = package.split(".")
        folder = ROOT.joinpath(tops[top], *rest)
        for pattern in patterns.replace(",", " ").split():
            matched |= set(folder.glob(pattern))
    return matched


def test_every_folder_with_code_is_a_listed_package(setup: configparser.ConfigParser) -> None:
    listed = setup["options"]["packages"].split()
    assert sorted(listed) == sorted(package_of(folder) for folder in folders())
    assert len(listed) == len(set(listed))


def test_every_folder_of_modules_has_an_init() -> None:
    with_code = {file.parent for top in FOLDERS for file in (ROOT / top).rglob("*.py")}
    assert with_code == set(folders())


def test_package_dir_maps_every_folder_to_its_package(setup: configparser.ConfigParser) -> None:
    pairs = (line.split("=") for line in setup["options"]["package_dir"].strip().splitlines())
    mapped = {package.strip(): folder.strip() for package, folder in pairs}
    assert mapped == {package: folder for folder, package in FOLDERS.items() if folder != package}


def test_every_data_file_is_matched_by_package_data(setup: configparser.ConfigParser) -> None:
    there = {file for top in FOLDERS for name in DATA for file in (ROOT / top).rglob(name)}
    assert {file for file in there if file.name == "defaults.toml"}
    assert there - data_files(setup) == set()


def test_every_method_folder_has_presets_and_a_readme() -> None:
    methods = [folder for folder in folders() if folder.parent == ROOT / "methods"]
    assert methods
    for folder in methods:
        assert {"defaults.toml", "README.md"} <= {file.name for file in folder.iterdir()}, folder.name


def test_every_entry_point_names_a_module_that_is_there(setup: configparser.ConfigParser) -> None:
    modules = {package_of(folder) for folder in folders()}
    modules |= {
        f"{package_of(file.parent)}.{file.stem}" for folder in folders() for file in folder.glob("*.py")
    }
    points = setup["options.entry_points"]
    groups = {group: points[group].strip().splitlines() for group in points if group in GROUPS}
    assert len(groups) >= 8
    for line in (line for lines in groups.values() for line in lines):
        assert line.split("=")[1].strip() in modules, line
