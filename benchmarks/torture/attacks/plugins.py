"""Hostile plugins: each function and field answers with something else, exits, raises or prints.

A run with one ends with a message that names the plugin, or with an error from the plugin's own code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path

from gzslbench.cli.group import FAULT as OWN_FAULT
from gzslbench.data.load import load_dataset
from gzslbench_benchmarks.torture.apart import Call, run_apart
from gzslbench_benchmarks.torture.attacks.broken_off import MEMORY, SECONDS, preload
from gzslbench_benchmarks.torture.commands import BUILD
from gzslbench_benchmarks.torture.findings import Attempt, repeat
from gzslbench_benchmarks.torture.stand_ins import write_inputs

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


EXTRACTOR = """
import sys
import torch
from gzslbench.plugins import hookimpl
from gzslbench.plugins.extractor import Extractor, ExtractorSpec, ImageTransform, Preparation, Weights

def leave(): sys.exit(0)
def fail(): raise RuntimeError("the plugin's own fault")
def shout(value):
    print("printed by a plugin")
    return value

class Network(torch.nn.Module):
    def forward(self, images):
        features = images.float().mean((2, 3))
        return {features}

def transform(image):
    pixels = torch.full((3, 8, 8), float(image.size[0]))
    return {pixels}

def load(request):
    preparation = ImageTransform(transform, {settings})
    preparation = {preparation}
    weights = Weights({weights_name}, {sha256}, {pretraining}, {finetuned}, {finetuning})
    weights = {weights}
    network = Network().eval()
    found = Extractor({network}, weights, preparation, {packages})
    return {found}

@hookimpl
def gzslbench_extractors():
    paper = ("hostile", "Hostile", "Nobody, 2026", "https://x")
    specs = [ExtractorSpec(*paper, {load}, {about}, {width}, {layers})]
    return {specs}
"""
USUAL_EXTRACTOR = {
    "features": "features",
    "pixels": "pixels",
    "settings": "{'side': 8}",
    "preparation": "preparation",
    "weights_name": "'w.pt'",
    "sha256": "'0' * 64",
    "pretraining": "'none'",
    "finetuned": "''",
    "finetuning": "{}",
    "weights": "weights",
    "network": "network",
    "packages": "()",
    "found": "found",
    "load": "__name__ + ':load'",
    "about": "'computed'",
    "width": "3",
    "layers": "()",
    "specs": "specs",
}
"""What each place of the extractor has if it is not hostile."""


def attempts(seed: int, root: Path) -> Iterator[Attempt]:
    """Yield every value in every place once, and what only prints: of a method, then of an extractor."""
    root.mkdir(exist_ok=True)
    for name, places, attacked in (
        ("hostile-plugin", USUAL, attack),
        ("hostile-extractor", USUAL_EXTRACTOR, attack_extractor),
    ):
        pairs = ((value, place) for value in (*VALUES, None) for place in places)
        for number, (value, place) in enumerate(pairs):
            answer = f"shout({places[place]})" if value is None else value
            yield Attempt(name, repeat(name, seed, number), partial(attacked, root, place, answer, number))


def attack(root: Path, place: str, value: str, number: int) -> str | None:
    """Run the method of a plugin whose ``place`` answers ``value``; say what is wrong."""
    module = f"hostile_{number}"
    (root / f"{module}.py").write_text(PLUGIN.format(**{**USUAL, place: value}))
    line = ["run", "--method", "hostile", "--dataset", "synthetic", "--results", module, "--json"]

    def run() -> str | None:
        status, printed, errors = _call(root, module, "methods", line)
        if status == OWN_FAULT:
            return None
        if status == 2:
            named = "hostile" in errors.lower() or "phase 'fit'" in errors
            return None if named else f"exit 2 does not name the plugin: {errors[-200:]}"
        if printed:
            json.loads(printed)
        records = len(list((root / module).glob("*/record.json")))
        return None if records == 1 else f"exit {status} with {records} records"

    return _attack(run, place, value)


def attack_extractor(root: Path, place: str, value: str, number: int) -> str | None:
    """Extract with a plugin whose ``place`` answers ``value``; say what is wrong, also with the file."""
    module = f"hostile_extractor_{number}"
    (root / f"{module}.py").write_text(EXTRACTOR.format(**{**USUAL_EXTRACTOR, place: value}))

    def run() -> str | None:
        if not (root / "birds").is_dir():
            write_inputs(root)
            _call(root, "birds", "", BUILD)
        file = f"{module}.h5"
        line = [
            "extract",
            "--dataset",
            "birds",
            *["--images", "photos", "--extractor", "hostile", "--out", file],
        ]
        status, printed, errors = _call(root, module, "extractors", line)
        if printed:
            return f"printed: {printed[-100:]}"
        if status in (OWN_FAULT, 2):
            named = status == OWN_FAULT or "hostile" in errors.lower() or "photos" in errors
            return None if named else f"exit 2 does not name the plugin: {errors[-200:]}"
        load_dataset(root / file)
        return None if status == 0 else f"exit {status}"

    return _attack(run, place, value)


def _attack(run: Call, place: str, value: str) -> str | None:
    preload()
    found = run_apart([run], SECONDS, MEMORY)[0]
    return found and f"{found} | {place} = {value}"


def _call(root: Path, module: str, kind: str, line: Sequence[str]) -> tuple[int, str, str]:
    """Call a command line with the plugin; return its exit status, its output and its messages."""
    import torch

    from gzslbench.cli import main
    from gzslbench.plugins.registry import plugins

    torch.set_num_threads(1)
    sys.path.insert(0, str(root))
    os.chdir(root)
    output, messages = root / f"{module}.out", root / f"{module}.err"
    sys.stdout, sys.stderr = output.open("w"), messages.open("w")
    if kind:
        plugins().entries[kind]["hostile"] = EntryPoint("hostile", module, f"gzslbench.{kind}")
    status = 0
    try:
        main(list(line), prog_name="gzslbench")
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException as error:
        own, place = False, error.__traceback__
        while place is not None:
            own = place.tb_frame.f_code.co_filename.endswith(f"{module}.py")
            place = place.tb_next
        if not own:
            raise
        status = OWN_FAULT
    sys.stdout.flush()
    sys.stderr.flush()
    return status, output.read_text(), messages.read_text()
