"""The checks of ``gzslbench doctor``; they change nothing."""

from __future__ import annotations

import os
import platform
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gzslbench.data.catalogue import data_root
from gzslbench.data.inventory import Inventory, take_inventory
from gzslbench.errors import DataError, GzslBenchError, ParamError, StoreError
from gzslbench.files import is_there
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params, fields_of
from gzslbench.plugins.registry import allowed, every_entry, load_object, plugins
from gzslbench.plugins.tracker import missing_modules
from gzslbench.runs.store import Store

LIBRARIES = ("gzslbench", "torch", "numpy", "scipy", "scikit-learn", "h5py", "click", "rich", "pluggy")


def examine(results: Path, data: Path | None = None) -> dict[str, Any]:
    """Describe versions, device, plugins, methods, trackers, data and results folder, in JSON types."""
    import torch

    offered, code = _plugins(), _code()
    root, folder, compilation = _data(data), _results(results), _compilation()
    problems = list(dict.fromkeys(f"plugin {row['name']}: {row['error']}" for row in offered if row["error"]))
    problems += [f"{row['name']} ({row['load']}): {row['error']}" for row in code if row["error"]]
    problems += [place["error"] for place in (root, folder, compilation) if place["error"]]
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "device": {
            "cuda": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
            "cpu": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
        "compilation": compilation,
        "plugins": offered,
        "code": code,
        # A missing module is a problem only for a run that uses the tracker.
        "trackers": [
            {"name": one.name, "title": one.title, "missing": missing_modules(one), "install": one.install}
            for one in plugins().trackers().values()
        ],
        "data": root,
        "results": folder,
        "problems": problems,
    }


def _compilation() -> dict[str, Any]:
    """Find the compiler for a CPU, and what prevents compilation, if anything."""
    from gzslbench.computing.compilation import VARIABLE, compilation_wanted, find_compiler

    compiler = find_compiler()
    obstacle, error = (None if compiler else "no C++ compiler"), None
    try:
        if not compilation_wanted():
            obstacle = f"{VARIABLE}=0"
    except ParamError as problem:
        obstacle = error = str(problem)
    return {"compiler": compiler, "obstacle": obstacle, "error": error}


def _plugins() -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plugins().load_all()
    return [
        {
            "name": entry.name,
            "group": entry.group,
            "module": entry.value,
            "distribution": entry.dist.name if entry.dist else None,
            "version": entry.dist.version if entry.dist else None,
            "loads": allowed(entry),
            "error": plugins().errors.get(entry.value),
        }
        for entry in every_entry()
    ]


def _code() -> list[dict[str, Any]]:
    """Try to import what each method and each generated dataset loads, and read the method's parameters."""
    specs: list[MethodSpec | DatasetSpec] = [*plugins().methods().values(), *plugins().datasets().values()]
    found: list[dict[str, Any]] = []
    for spec in filter(lambda spec: spec.load, specs):
        error = None
        try:
            load_object(spec.load, spec.name)
            fields_of(getattr(spec, "params", Params))
        except GzslBenchError as problem:
            error = problem.what
        found.append({"name": spec.name, "load": spec.load, "error": error})
    return found


def _data(data: Path | None) -> dict[str, Any]:
    """Say of each dataset in a folder what a run can take from it, and which files it lacks."""
    root, error = data_root(data), None
    found: list[Inventory] = []
    try:
        created = {name for name, spec in plugins().datasets().items() if spec.load}
        found = [item for item in take_inventory(data) if item.name not in created]
    except DataError as problem:
        error = str(problem)
    return {
        "root": str(root),
        "there": error is None and root.is_dir(),
        "datasets": {item.name: str(item.folder) for item in found if item.folder},
        "contents": {
            item.name: {
                "can run": item.can_run,
                "features": list(item.features),
                "semantics": list(item.semantics),
                "missing": list(item.missing),
            }
            for item in found
            if item.folder
        },
        "missing": [item.name for item in found if not item.folder],
        "error": error,
    }


def _results(results: Path) -> dict[str, Any]:
    there, error = False, None
    try:
        there = is_there(results, StoreError)
        if there:
            Store(results).make()
        else:
            parent = next(folder for folder in results.absolute().parents if is_there(folder, StoreError))
            if not (parent.is_dir() and os.access(parent, os.W_OK)):
                what, fix = "the results folder cannot be created", "choose another with --results"
                raise StoreError(what, where=parent, fix=fix)
    except StoreError as problem:
        error = str(problem)
    return {"folder": str(results), "there": there, "error": error}
