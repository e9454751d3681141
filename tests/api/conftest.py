"""A folder of two quick runs, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

import gzslbench as gz


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ESZSL with two seeds and DeViSE with two, on the built-in digits; tests only read it."""
    folder = tmp_path_factory.mktemp("api") / "results"
    gz.run("eszsl", "digits", seeds=[1, 2], results=folder, device="cpu", quiet=True)
    gz.run("devise", "digits", seeds=[1, 2], epochs=1, results=folder, device="cpu", quiet=True)
    return folder
