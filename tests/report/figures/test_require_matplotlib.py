from __future__ import annotations

import pytest

from gzslbench.errors import GzslBenchError
from gzslbench.report.figures.drawing import require_matplotlib


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    require_matplotlib()
    monkeypatch.setattr("gzslbench.report.figures.drawing.find_spec", lambda name: None)
    with pytest.raises(GzslBenchError, match="not installed") as raised:
        require_matplotlib()
    assert raised.value.fix == "pip install 'gzslbench[figures]'"
