from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gzslbench.plugins.method import MethodSpec

BROKEN = Path(__file__).parent / "broken"
MODULES = ("broken_methods", "broken_params", "broken_heads", "heavy_params", "holding_methods")


@pytest.fixture
def broken(monkeypatch) -> None:
    """The broken plugins can be imported."""
    monkeypatch.syspath_prepend(BROKEN)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def spec_of(broken) -> Callable[..., MethodSpec]:
    """The spec of a toy by the name of its class, with another class of parameters or other fields."""

    def spec_of(name: str, of_params: str = "ToyParams", **fields: Any) -> MethodSpec:
        import broken_params

        whole = {
            "name": "toy",
            "title": "Toy",
            "paper": "Nobody: Toys, nowhere 2026",
            "url": "https://example.org",
            "params": getattr(broken_params, of_params),
            "load": f"broken_methods:{name}",
            "kind": "scoring",
        }
        return MethodSpec(**{**whole, **fields})

    return spec_of
