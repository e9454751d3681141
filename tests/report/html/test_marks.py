from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.report.html.site import SiteContent, overview_page, run_page
from gzslbench.report.leaderboard.entry import read_entries


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


@pytest.mark.acceptance  # it runs a method
def test_calibrated_numbers_are_not_marked_as_chosen_on_test(tmp_path):
    arguments = ["run", "--method", "eszsl", "--dataset", "digits", "--calibrate", "val"]
    assert CliRunner().invoke(main, [*arguments, "--results", str(tmp_path)]).exit_code == 0
    entries = read_entries([tmp_path])
    page = overview_page(SiteContent(entries, {}, (), lambda rule: {}), figures=False)
    assert '<label class="peek"><input type="radio" name="rule" value="test-peek-gamma"' in page
    assert '<label><input type="radio" name="rule" value="last-calibrated" checked' in page
    calibrated = re.search(r'data-rule="last-calibrated".*?</section>', page, re.DOTALL)[0]
    assert "chosen on the test set" not in calibrated and "chosen on the test set" in page
    run = run_page(entries[0], figures=False)
    assert '<tr class="own"><th scope="row">last-calibrated' in run
