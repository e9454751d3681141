from __future__ import annotations

import pytest

from gzslbench.errors import GzslBenchError
from gzslbench.report.figures.drawing import require_matplotlib
from gzslbench.report.figures.leaderboard_figures import figures_of_boards
from gzslbench.report.figures.run_figures import figures_of_run


def test_without_matplotlib_it_is_said_what_to_install_before_anything_is_drawn(monkeypatch, record, folder):
    require_matplotlib()
    monkeypatch.setattr("gzslbench.report.figures.drawing.find_spec", lambda name: None)
    for call in (
        require_matplotlib,
        lambda: figures_of_run(record, folder, with_features=False),
        lambda: figures_of_boards([]),
    ):
        with pytest.raises(GzslBenchError, match="not installed") as raised:
            call()
        assert raised.value.fix == "pip install 'gzslbench[figures]'"
