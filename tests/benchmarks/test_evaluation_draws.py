"""The table of evaluation draws evaluates the stored model again, as a run with `--eval-repeats` does."""

from __future__ import annotations

import pytest

from gzslbench.runs.execute import Options, run_cell
from gzslbench.runs.folder import RunFolder
from gzslbench.runs.plan import Request, make_plan
from gzslbench.runs.store import Store
from gzslbench_benchmarks import evaluation_draws

SMALL = ("batch_size=512", "critic_iter=1", "ngh=16", "ndh=16", "syn_num=20", "nz=4", "zsl_epochs=1")
SMALL += ("head_epochs=2", "pretrain_epochs=2")


def run(root, method, **request):
    plan = make_plan(Request(method, "digits", device="cpu", **request))
    return run_cell(plan, plan.cells[0], Store(root), Options())[0]


@pytest.mark.parametrize("head", [None, "lisgan-transductive"])
def test_the_draws_are_the_evaluations_of_a_run_that_repeats_them(tmp_path, head):
    record = run(tmp_path, "f-clswgan", settings=SMALL, epochs=2, eval_repeats=4, head=head)
    ((stored, folder),) = evaluation_draws.generative_records(tmp_path)
    found = evaluation_draws.draw(stored, folder, 3)
    # The first evaluation of a run has the stream of the training's own evaluations.
    assert list(found.H) == pytest.approx([one.H for one in record.repeats[1:]])
    assert found.training == record.run.seconds_train


def test_the_table_has_a_row_for_each_run_with_a_head_and_a_checkpoint(tmp_path, capsys):
    run(tmp_path, "eszsl")
    run(tmp_path, "f-clswgan", settings=SMALL, epochs=1, control="shuffled")
    kept = run(tmp_path, "f-clswgan", settings=SMALL, epochs=1)
    lost = run(tmp_path, "f-clswgan", settings=SMALL, epochs=1, seeds=(2,))
    RunFolder(tmp_path / lost.id).checkpoint_file("final").unlink()
    evaluation_draws.main([str(tmp_path), "--draws", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith(f"| {kept.id} | 2 |")
    assert len(lines) in (3, 4)  # shuffled semantics give a model too


def test_spread_and_share_are_those_of_the_numbers():
    draws = evaluation_draws.Draws("mine", (30.0, 32.0, 37.0), seconds=2.0, training=50.0)
    assert draws.cells() == ("mine", "3", "33.0", "3.6", "7.0", "2.0 s", "4.0 %")
    assert evaluation_draws.Draws("one", (30.0,), 1.0, 0.0).cells() == (
        "one",
        "1",
        "30.0",
        "",
        "0.0",
        "1.0 s",
        "",
    )
