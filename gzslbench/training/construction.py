"""Building a method from its spec."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch

from gzslbench.computing.seeds import stream
from gzslbench.errors import PluginError
from gzslbench.plugins.head import HeadSpec
from gzslbench.plugins.inputs import TrainView
from gzslbench.plugins.method import MethodSpec
from gzslbench.plugins.params import Params
from gzslbench.plugins.tracker import TrackerSpec


def build_method(spec: MethodSpec, view: TrainView, params: Params, seed: int) -> Any:
    """Build the method of ``spec`` on the device of ``view``.

    The networks are initialised on the CPU from the stream ``init``, so they are the same on every device.
    The global random state does not change.

    Raises:
        PluginError: What ``spec.load`` names cannot be imported.
    """
    cls = load_class(spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "init"))
        method = cls(view, params)
    method.modules.to(view.features.device)
    return method


def load_class(spec: MethodSpec | HeadSpec | TrackerSpec) -> type[Any]:
    """Import the class that ``spec.load`` names."""
    module, _, name = spec.load.partition(":")
    try:
        cls: type[Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise PluginError(
            f"{spec.name!r} cannot be loaded: {error}",
            where=spec.load,
            fix="the spec's `load` must read `package.module:Class`",
        ) from error
    return cls
