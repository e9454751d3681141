from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main


@pytest.mark.acceptance  # it writes a site
def test_every_page_with_a_number_on_synthetic_data_says_so(store, tmp_path):
    folder = next(folder for folder in store.runs() if folder.id.startswith("eszsl-synthetic"))
    record = json.loads(folder.record_file.read_text())
    record["task"]["notes"] = ["synthetic data: random numbers"]
    copy = tmp_path / "results" / folder.id
    copy.mkdir(parents=True)
    (copy / "record.json").write_text(json.dumps(record))
    done = CliRunner().invoke(
        main, ["report", str(copy.parent), "--out", str(tmp_path / "site"), "--no-figures"]
    )
    assert done.exit_code == 0, done.output
    for page in ("index.html", "runs.html", "methods/eszsl.html", f"runs/{folder.id}.html"):
        assert "synthetic (synthetic data)" in (tmp_path / "site" / page).read_text(), page
