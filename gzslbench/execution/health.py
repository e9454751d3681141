"""What ``gzslbench doctor`` looks at; nothing is changed."""

from __future__ import annotations

import os
import platform
import warnings
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gzslbench.data.locate import data_root, find_folder
from gzslbench.errors import StoreError
from gzslbench.plugins import allowed, every_entry, plugins
from gzslbench.results.store import Store

LIBRARIES = ("gzslbench", "torch", "numpy", "scipy", "scikit-learn", "h5py", "click", "rich", "pluggy")


def examine(results: Path, data: Path | None = None) -> dict[str, Any]:
    """Versions, device, plugins, data and results folder, in plain JSON types.

    ``problems`` lists what keeps runs from working: broken plugins and a results folder that takes no file.
    """
    offered = _plugins()
    folder = _results(results)
    problems = [f"plugin {each['name']}: {each['error']}" for each in offered if each["error"]]
    problems += [folder["error"]] if folder["error"] else []
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
        "device": _device(),
        "plugins": offered,
        "data": _data(data),
        "results": folder,
        "problems": problems,
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _device() -> dict[str, Any]:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {
        "cuda": [torch.cuda.get_device_name(index) for index in range(count)],
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def _plugins() -> list[dict[str, Any]]:
    here = plugins()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here.methods()
        here.datasets()
    return [_plugin(entry, here.error(entry)) for entry in every_entry()]


def _plugin(entry: EntryPoint, error: str | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "module": entry.value,
        "distribution": entry.dist.name if entry.dist else None,
        "version": entry.dist.version if entry.dist else None,
        "loads": allowed(entry),
        "error": error,
    }


def _data(data: Path | None) -> dict[str, Any]:
    root = data_root(data)
    folders = {name: find_folder(name, data) for name, spec in plugins().datasets().items() if not spec.load}
    return {
        "root": str(root),
        "there": root.is_dir(),
        "datasets": {name: str(folder) for name, folder in folders.items() if folder},
        "missing": [name for name, folder in folders.items() if not folder],
    }


def _results(results: Path) -> dict[str, Any]:
    error = None
    if results.exists():
        try:
            Store(results).make()
        except StoreError as problem:
            error = str(problem)
    else:
        parent = next(folder for folder in results.absolute().parents if folder.exists())
        if not (parent.is_dir() and os.access(parent, os.W_OK)):
            error = f"the results folder cannot be made in {parent}\n  to do: choose another with --results"
    return {"folder": str(results), "there": results.exists(), "error": error}
