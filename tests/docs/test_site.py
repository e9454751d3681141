"""The documentation site: it builds without a warning and needs nothing from the web."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BROKEN_IMAGES = """
    [...document.images].filter((image) => image.complete && !image.naturalWidth).map((image) => image.src)
"""

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `make docs` builds it."""
    for package in ("material", "mkdocstrings_handlers", "latex2mathml"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'gzslbench[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # of the theme, about another program
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def read_pages(site: Path) -> dict[str, str]:
    return {
        file.relative_to(site).as_posix(): file.read_text(encoding="utf-8") for file in site.rglob("*.html")
    }


def test_a_page_loads_nothing_from_the_web(site):
    for name, text in read_pages(site).items():
        loaded = re.findall(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=[\"']?(https?:[^\"' >]+)", text)
        assert loaded == [], name


def test_there_is_a_page_for_every_method_head_and_command(site):
    from gzslbench.cli import main
    from gzslbench.plugins.registry import plugins

    pages = read_pages(site)
    for name, spec in {**plugins().methods(), **plugins().heads()}.items():
        if spec.load.startswith("gzslbench_methods."):
            assert "Table of the parameters" in pages[f"methods/{name}.html"]
    commands = pages["reference/cli.html"]
    assert all(f'id="gzslbench-{name}"' in commands for name in main.targets)


def test_every_public_name_of_the_python_api_is_described(site):
    import gzslbench

    text = read_pages(site)["reference/python.html"]
    for name in gzslbench.__all__:
        assert name == "__version__" or re.search(rf'id="gzslbench\.(\w+\.)*{name}"', text), name


def test_no_mark_for_generated_text_is_left(site):
    for name, text in read_pages(site).items():
        assert not re.search(r"<!-- (facts|commands|api)", text), name
        assert "arithmatex" not in text, name


@pytest.fixture
def reader(site):
    """A page of a browser without a network that has opened the site from disk."""
    why = "needs playwright: pip install 'gzslbench[dev]'"
    sync_api = pytest.importorskip("playwright.sync_api", reason=why)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
        yield context.new_page()
        browser.close()


def test_the_search_works_from_disk(site, reader):
    reader.set_viewport_size({"width": 1300, "height": 900})
    reader.goto((site / "methods" / "ce-gzsl.html").as_uri())
    reader.keyboard.press("/")
    reader.keyboard.type("calibrated stacking")
    reader.wait_for_selector(".md-search-result__item", timeout=20_000)
    found = reader.locator(".md-search-result__item a").first.get_attribute("href")
    assert found == (site / "calibration.html").as_uri()


def test_a_page_is_not_wider_than_a_phone_and_has_its_images(site, reader):
    some = ("*.html", "concepts/*.html", "datasets/[cf]*.html", "methods/[cs]*.html", "reference/*.html")
    for file in sorted(path for pattern in some for path in site.glob(pattern) if path.stem != "404"):
        reader.goto(file.as_uri())
        assert reader.evaluate("document.documentElement.scrollWidth") <= 390, file.name
        assert reader.evaluate(BROKEN_IMAGES) == [], file.name
