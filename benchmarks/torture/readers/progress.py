"""Files of work in progress: logs of sweeps, studies of parameters, and downloads."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gzslbench_benchmarks.torture.mutations import mutate_bytes, mutate_json, mutate_lines
from gzslbench_benchmarks.torture.readers.reader import Reader, once
from gzslbench_benchmarks.torture.stand_ins import gzslbench_datasets, start_server

_STUDY = "study"


def make_sweep_log(folder: Path) -> None:
    """Write the log of a sweep with a cell that runs and one that failed."""
    from gzslbench.sweeps.sweep_log import SweepLog

    log = SweepLog(folder, "suite")
    with log.open():
        log.write("begun", who="process 1 on here", counts={"new": 3, "impossible": 1}, total=4, to_run=3)
        for cell in ("a", "b", "c"):
            log.write("started", cell=cell, where="process 2", attempt=1)
        log.write("ended", cell="a", seconds=1.0)
        log.write("ended", cell="b", seconds=1.0, failure="died: by SIGKILL")
        log.write("stopped", cell="c", seconds=1.0)


def _read_sweep_log(file: Path) -> Any:
    from rich.console import Console

    from gzslbench.report.terminal.sweep import status_view
    from gzslbench.sweeps.sweep_log import SweepLog

    status = SweepLog(file.parents[1], "suite").read()
    for status.alive in (True, False):
        Console(file=(file.parent / "shown").open("w")).print(status_view(status))
    return repr(status)


def _request(study: Path) -> Any:
    from gzslbench.runs.plan import Request
    from gzslbench.sweeps.tuning.tune import TuneRequest

    run = Request(method="ale", dataset="digits", seeds=(1,), epochs=2, device="cpu")
    return TuneRequest(run, eval_every=1, trials=2, study=study, results=study.parent)


@once
def make_studies(folder: Path) -> None:
    """Write a study with two trials as a journal, and one as a database."""
    from gzslbench.runs.progress import Progress
    from gzslbench.sweeps.tuning.tune import open_tuning, search

    for ending in ("journal", "db"):
        tuning = open_tuning(_request(folder / f"{_STUDY}.{ending}"))
        search(tuning, lambda _: nullcontext(Progress()), lambda _: None)


def _read_study(file: Path) -> Any:
    """Open a study as `tune` does to go on, and find its best trial."""
    from gzslbench.sweeps.tuning.best_trial import find_best_trial
    from gzslbench.sweeps.tuning.tune import open_tuning

    tuning = open_tuning(_request(file))
    result = tuning.result
    found = [str(trial) for trial in result.trials], result.counts
    tuning.study.others_are_running()
    return found, find_best_trial(tuning, result).table("ale")


def make_download(folder: Path) -> None:
    """Fetch an archive, and keep the first half as if the download had broken off."""
    from gzslbench.prepare.download.download import Download, Progress
    from gzslbench.prepare.download.fetch import ARCHIVES, fetch

    start_server()
    specs = gzslbench_datasets()
    fetch(specs, folder / "whole")
    archive = specs[0].archives[0]
    part = folder / "half" / ARCHIVES / f"{archive.name}.part"
    part.parent.mkdir(parents=True)
    Download(archive, archive.url, part, Progress()).run()
    part.write_bytes(part.read_bytes()[:-100_000])


def _fetch(file: Path) -> Any:
    """Go on with a fetch, in a copy, and return what it wrote."""
    from gzslbench.prepare.download import download, fetch

    download.PAUSE_S = 0.0
    data = file.parents[2] / "now"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(file.parents[1], data)
    for fetched in fetch.fetch(gzslbench_datasets(), data):
        asdict(fetched)
    return {path.name: path.read_bytes() for path in sorted((data / "PETS").iterdir())}


READERS = (
    Reader("sweep-log", make_sweep_log, ".sweeps/suite.jsonl", mutate_lines, _read_sweep_log),
    Reader("study-journal", make_studies, f"{_STUDY}.journal", mutate_lines, _read_study, slow=True),
    Reader("study-database", make_studies, f"{_STUDY}.db", mutate_bytes, _read_study, slow=True),
    Reader("download-note", make_download, "half/archives/pets.zip.part.json", mutate_json, _fetch, True),
    Reader("download-part", make_download, "half/archives/pets.zip.part", mutate_bytes, _fetch, True),
    Reader("archive-note", make_download, "whole/archives/pets.zip.json", mutate_json, _fetch, True),
)
