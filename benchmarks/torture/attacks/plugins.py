"""Hostile plugins: each function and field answers with something else, exits, raises or prints.

A run with one ends with a message that names the plugin, or with an error from the plugin's own code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

from gzslbench_benchmarks.torture.apart import run_apart
from gzslbench_benchmarks.torture.attacks.broken_off import MEMORY, SECONDS, preload
from gzslbench_benchmarks.torture.findings import Attempt, repeat

PLUGIN = """
import sys
import torch
from gzslbench.plugins import Adam, MethodSpec, Params, Phase, Stage, hookimpl

def leave(): sys.exit(0)
def fail(): raise RuntimeError("the plugin's own fault")
def shout(value):
    print("printed by a plugin")
    return value

IMPORTED = {imported}

class Hostile:
    def __init__(self, view, params):
        started = {started}
        net = torch.nn.Linear(view.features.shape[1], view.semantics.shape[1])
        self.modules = torch.nn.ModuleDict({{"net": net}})
        self.modules = {modules}

    def stages(self):
        phase = Phase("fit", self.loss, {updates}, {optimizer})
        stages = [Stage("train", 1, 64, (phase,))]
        return {stages}

    def loss(self, batch):
        terms = {{"all": self.modules["net"](batch.features).pow(2).mean()}}
        return {terms}

    def scores(self, features, semantics):
        scores = self.modules["net"](features) @ semantics.T
        return {scores}

@hookimpl
def gzslbench_methods():
    specs = [MethodSpec({name}, "Hostile", "Nobody, 2026", "https://x", {params}, {load}, kind={kind})]
    return {specs}

@hookimpl
def gzslbench_run_start(run): {hook}

@hookimpl
def gzslbench_epoch_end(run, metrics): {hook}

@hookimpl
def gzslbench_run_end(record): {hook}
"""
USUAL = {
    "imported": "None",
    "started": "None",
    "modules": "self.modules",
    "updates": '("net",)',
    "optimizer": "Adam(0.1)",
    "stages": "stages",
    "terms": "terms",
    "scores": "scores",
    "name": "'hostile'",
    "params": "Params",
    "load": "__name__ + ':Hostile'",
    "kind": "'scoring'",
    "specs": "specs",
    "hook": "None",
}
"""What each place of the plugin has if it is not hostile."""
VALUES = (
    *(
        "None",
        "3",
        "'x'",
        "'../../x'",
        "''",
        "[]",
        "{}",
        "[None]",
        "{'a': None}",
        "object()",
        "leave()",
        "fail()",
    ),
    *("float('nan')", "torch.zeros(())", "torch.zeros(3, 3)", "torch.zeros(2, dtype=torch.int64)", "b'x'"),
    *(
        "{'a': torch.tensor(1.0)}",
        "{'a': 'b'}",
        "torch.full((60, 10), float('nan'))",
        "exec('raise BaseException')",
    ),
    *("torch.nn.ModuleDict()", "'os:getcwd'", "'nothing:Nothing'", "int", "lambda *_: None"),
)


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield every value in every place once, and what only prints."""
    root.mkdir(exist_ok=True)
    number = 0
    for value in (*VALUES, None):
        for place in USUAL:
            answer = f"shout({USUAL[place]})" if value is None else value
            again = repeat("hostile-plugin", seed, number)
            yield Attempt("hostile-plugin", again, partial(attack, root, place, answer, number))
            number += 1


def attack(root: Path, place: str, value: str, number: int) -> str | None:
    """Run the method of a plugin whose ``place`` answers ``value``; say what is wrong."""
    module = f"hostile_{number}"
    code = PLUGIN.format(**{**USUAL, place: value})
    (root / f"{module}.py").write_text(code)

    def run() -> str | None:
        import torch

        from gzslbench.cli import main
        from gzslbench.plugins.registry import plugins

        torch.set_num_threads(1)
        sys.path.insert(0, str(root))
        os.chdir(root)
        output = root / f"{module}.out"
        sys.stdout = output.open("w")
        sys.stderr = (root / f"{module}.err").open("w")
        plugins().entries["methods"]["hostile"] = EntryPoint("hostile", module, "gzslbench.methods")
        status = 0
        line = ["run", "--method", "hostile", "--dataset", "synthetic", "--results", module, "--json"]
        try:
            main(line, prog_name="gzslbench")
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException as error:
            own, place = False, error.__traceback__
            while place is not None:
                own = place.tb_frame.f_code.co_filename.endswith(f"{module}.py")
                place = place.tb_next
            if own:
                return None
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        printed, errors = output.read_text(), (root / f"{module}.err").read_text()
        if status == 2:
            named = "hostile" in errors.lower() or "phase 'fit'" in errors
            return None if named else f"exit 2 does not name the plugin: {errors[-200:]}"
        if printed:
            json.loads(printed)
        records = len(list((root / module).glob("*/record.json")))
        return None if records == 1 else f"exit {status} with {records} records"

    preload()
    found = run_apart([run], SECONDS, MEMORY)[0]
    return found and f"{found} | {place} = {value}"
