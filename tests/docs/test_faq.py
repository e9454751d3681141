"""Each message that the page explains is printed by a command that goes wrong in this way."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.load import load_dataset
from gzslbench.evaluation.row_matching import RowMatcher
from gzslbench.prepare.synthetic_folder import write_synthetic_folder
from gzslbench.runs.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "faq.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^- \*\*`(.+?)`\*\*:", PAGE.partition("## Messages of gzslbench")[2], re.MULTILINE)
RUN = "run --device cpu --dataset"
COMMANDS = {
    "the files of CUB are missing": f"{RUN} CUB --method eszsl --data nowhere",
    "CUB has no feature file 'res101'": f"{RUN} CUB --method eszsl",
    "no semantics 'sent'": f"{RUN} birds --method eszsl --semantics sent",
    "No such option: --lr. lr is a parameter of the method": f"{RUN} digits --method ce-gzsl --lr 0.1",
    "has no record: it was interrupted, or is still running": "show stopped",
    ": diverged": f"{RUN} digits --method cnzsl --epochs 2 --set lr=1e30",
    "no numbers by last-calibrated, only by last": "leaderboard --select last-calibrated",
    "near chance: check the order of rows, labels and classes": "evaluate s.npy --dataset synthetic --name x",
    "the folder is not empty, and it has another dataset": "data build made --unseen-classes 2",
    "no dataset 'digit'": f"{RUN} digit --method eszsl",
}


def test_the_page_explains_the_messages_that_are_provoked_here() -> None:
    assert sorted(MESSAGES) == sorted(COMMANDS)


@pytest.mark.acceptance
def test_each_message_is_printed(gzslbench, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("GZSLBENCH_DATA", "data")
    for name in ("CUB", "birds"):
        (write_synthetic_folder("CUB", tmp_path / "data" / name, scale=0.01) / "res101.mat").rename(
            tmp_path / "data" / name / "other.mat"
        )
    (tmp_path / "data" / "birds" / "sent_splits.mat").unlink()
    with Store(tmp_path / "results").run("stopped").lock():
        pass
    assert gzslbench("run", "--method", "eszsl", "--dataset", "digits").exit_code == 0
    test = RowMatcher(load_dataset("synthetic"))
    np.save(tmp_path / "s.npy", np.eye(len(test.classes))[test.labels - 1])
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(40, 3)))
    np.save(tmp_path / "labels.npy", np.arange(40) % 8)
    np.save(tmp_path / "words.npy", np.eye(8))
    built = ("--features", "rows.npy", "--labels", "labels.npy", "--semantics", "words.npy")
    assert gzslbench("data", "build", "made", *built, "--unseen-classes", "3").exit_code == 0
    for message, command in COMMANDS.items():
        done = gzslbench(*command.split(), *(built if "build" in command else ()))
        assert message in done.output, command
