"""The whole suite digits: no stored number moves, and a broken loss moves some."""

from __future__ import annotations

from importlib import import_module

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.plugins.registry import plugins
from gzslbench.sweeps.suites.suite import load_suite

pytestmark = pytest.mark.acceptance

SUITE = load_suite("digits")
NAMES = list(dict.fromkeys(run.name for run in SUITE.runs))


def test_the_suite_has_every_bundled_method_and_head_that_needs_no_image_text_model():
    known = {**plugins().methods(), **plugins().heads()}
    ours = {name for name, spec in known.items() if spec.load.startswith("gzslbench_methods.")}
    ours -= {name for name, spec in plugins().methods().items() if spec.shared_space}
    assert len(ours) > 15
    assert ours <= {run.request.method for run in SUITE.runs} | {run.request.head for run in SUITE.runs}


@pytest.mark.parametrize("name", NAMES)
def test_no_stored_number_moves(name, tmp_path):
    outcome = CliRunner().invoke(main, ["regress", "--only", name, "--results", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    assert "suite digits: nothing moved" in outcome.output


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("cada-vae", "gzslbench_methods.cada_vae.method.alignment_loss"),
        ("devise", "gzslbench_methods.devise.rank_loss"),
    ],
)
def test_a_loss_that_is_ten_times_too_small_moves_a_number(name, broken, tmp_path, monkeypatch):
    module, _, function = broken.rpartition(".")
    loss = getattr(import_module(module), function)
    monkeypatch.setattr(broken, lambda *arguments: 0.1 * loss(*arguments))
    outcome = CliRunner().invoke(main, ["regress", "--only", name, "--results", str(tmp_path)])
    assert outcome.exit_code == 1, outcome.output
    assert "suite digits: what moved" in outcome.output
