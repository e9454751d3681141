"""The files of a finished run, for trackers that store files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from gzslbench.report.figures.run_figures import figures_of_run
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.record import Record


def files_of_run(record: Record, folder: RunFolder, scratch: Path) -> dict[str, Path]:
    """Return text files and figures by the name to store them under; figures are drawn into ``scratch``."""
    texts = (folder.record_file, folder.metrics_file, folder.choice_file, folder.log_file)
    files = {path.name: path for path in texts if path.is_file()}
    if find_spec("matplotlib") is None:
        return files
    from gzslbench.report.figures.canvas import save_figure

    for drawing in figures_of_run(record, folder, with_features=False):
        if drawing.draw is not None:
            name = f"{drawing.name}.png"
            save_figure(drawing.draw(), scratch / name)
            files[f"figures/{name}"] = scratch / name
    return files
