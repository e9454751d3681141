"""Modules that are imported when one of their names is first used, because importing torch takes seconds.

`gzslbench methods` imports the module of every method. A method in one file therefore takes torch and the
shared layers from here; inside its functions they are the modules themselves. A class that inherits from a
class of torch belongs in ``layers.py`` or in a file of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch as torch
    from torch import nn as nn
    from torch.nn import functional as functional

    from gzslbench_methods import layers as layers
else:

    class _Late:
        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(import_module(self._name), attribute)

    torch, nn, functional = _Late("torch"), _Late("torch.nn"), _Late("torch.nn.functional")
    layers = _Late("gzslbench_methods.layers")
