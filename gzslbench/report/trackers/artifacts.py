"""The files of a finished run, for trackers that store files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record


def files_of(folder: RunFolder) -> list[Path]:
    """Return the record and the other text files of the run that exist."""
    own = (folder.record_file, folder.metrics_file, folder.choice_file, folder.log_file)
    return [path for path in own if path.is_file()]


def draw_figures(record: Record, folder: RunFolder, where: Path) -> list[Path]:
    """Draw the run's figures into the folder ``where``; none if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return []
    from gzslbench.report.figures.canvas import save_figure
    from gzslbench.report.figures.run_figures import figures_of_run

    drawn = []
    for drawing in figures_of_run(record, folder, with_features=False):
        if drawing.draw is not None:
            drawn.append(where / f"{drawing.name}.png")
            save_figure(drawing.draw(), drawn[-1])
    return drawn
