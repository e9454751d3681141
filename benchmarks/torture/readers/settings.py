"""Suites, presets, published numbers and stored metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gzslbench_benchmarks.torture.mutations import mutate_json, mutate_lines
from gzslbench_benchmarks.torture.readers.reader import Reader


def make_toml(folder: Path) -> None:
    """Write a suite, a preset, a file of published numbers and one of stored metrics."""
    (folder / "suite.toml").write_text(
        """\
title = "Two methods"
about = "text"
tolerance = 5.0

[shared]
dataset = "digits"
device = "cpu"
eval_every = 0

[settings.ale]
lr = 0.01

[[runs]]
name = "ale"
method = "ale"
seeds = [1, 2]
epochs = 6
set = { margin = 1.0 }

[[grids]]
method = ["eszsl", "f-clswgan"]
dataset = "digits"
seeds = [1]
epochs = [2, 3]
exclude = [{ method = "eszsl", epochs = 3 }]

[[claims]]
method = "ale"
text = "ALE is better"
better = "ale"
than = "ale"
metric = "U"
"""
    )
    (folder / "preset.toml").write_text(
        '[default]\nmethod = "eszsl"\nsource = "tuned"\nalpha = 1.0\ngamma = 0.0\n\n[digits]\nalpha = 2.0\n'
        '\n["digits/strokes"]\ngamma = 1.0\n'
    )
    shared = 'shared = { semantics = "att", source = "a paper", verified = "seen", code = "file" }\n'
    (folder / "eszsl.toml").write_text(
        f'title = "ESZSL"\npaper = "ICML 2015"\n{shared}results = [\n'
        '    { dataset = "AWA2", U = 5.9, S = 77.8, H = 11.0, T1 = 58.6 },\n'
        '    { dataset = "CUB", U = 12.6, S = 63.8, H = 21.0, split = "ps-v2", finetuned = true },\n]\n'
    )
    metrics = {"U": 10.0, "S": 20.0, "H": 13.3, "T1": 30.0, "AUSUC": 5.0}
    run = {"id": "ale-digits-s1", "seed": 1, "metrics": metrics, "by_rule": {"last": metrics}, "gpu": None}
    summary = {name: {"mean": value, "std": 1.0, "tolerance": 3.0} for name, value in metrics.items()}
    (folder / "metrics").mkdir()
    (folder / "metrics" / "suite.json").write_text(
        json.dumps({"runs": {"ale": {"summary": summary, "runs": [run]}}})
    )


def _read_suite(file: Path) -> Any:
    from gzslbench.sweeps.suites.suite import load_suite

    return [repr(run) for run in load_suite(str(file)).runs]


def _read_preset(file: Path) -> Any:
    from gzslbench.runs.plan import Request, make_plan

    return repr(make_plan(Request(method="eszsl", dataset="digits", seeds=(1,), preset=file)).cells)


def _read_published(file: Path) -> Any:
    from gzslbench.report.published import read_published

    return [number.as_dict() for number in read_published(file)]


def _read_baseline(file: Path) -> Any:
    from gzslbench.sweeps.suites import baseline

    groups = baseline.read_baseline(file)
    baseline.stored_metrics([file.parent], "last", "H")
    return [repr(change) for change in baseline.compare(groups, groups)]


READERS = (
    Reader("suite", make_toml, "suite.toml", mutate_lines, _read_suite),
    Reader("preset", make_toml, "preset.toml", mutate_lines, _read_preset),
    Reader("published", make_toml, "eszsl.toml", mutate_lines, _read_published),
    Reader("baseline", make_toml, "metrics/suite.json", mutate_json, _read_baseline),
)
