"""Every notebook runs from its first cell to its last, and is stored without outputs."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
NEEDS = {"protocol-pitfalls": ("CUB/resnet1000.mat", "CUB/sent_splits.mat", "FLO/efficientnet_lite0.mat")}
"""Files below $GZSLBENCH_DATA that a notebook reads."""

nbformat = pytest.importorskip("nbformat", reason="needs nbclient: pip install 'gzslbench[docs]'")


def test_there_are_notebooks():
    assert {"quick-start", "your-own-method", "protocol-pitfalls"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("# ")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_a_method_of_ones_own_fits_into_forty_lines():
    (path,) = (path for path in NOTEBOOKS if path.stem == "your-own-method")
    (cell,) = (
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if "gz.register(" in cell.source and cell.cell_type == "code"
    )
    assert len(cell.source.splitlines()) <= 40


@pytest.mark.acceptance
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: pip install 'gzslbench[docs]'")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install 'gzslbench[docs]'")
    if path.stem in NEEDS:
        data = Path(os.environ.get("GZSLBENCH_DATA", "")).resolve()
        missing = [name for name in NEEDS[path.stem] if not (data / name).is_file()]
        if missing:
            pytest.skip(f"GZSLBENCH_DATA has no {', '.join(missing)}")
        monkeypatch.setenv("GZSLBENCH_DATA", str(data))
    # The kernel and the commands of the cells are those of this environment.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    kernel = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    folder = tmp_path / "kernels" / "kernels" / "this"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(
        json.dumps({**kernel, "display_name": "this", "language": "python"}), encoding="utf-8"
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "kernels"))
    notebook = nbformat.read(path, as_version=4)
    place = tmp_path / "place"
    place.mkdir()
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="this", resources={"metadata": {"path": str(place)}}
    )
    with ThreadPoolExecutor(1) as apart:  # Playwright must not meet its event loop
        apart.submit(client.execute).result()
