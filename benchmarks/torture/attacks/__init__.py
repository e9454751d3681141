"""One module for each kind of attack.

A module has a function ``attempts(seed, root)`` that yields attempts, without an end if it can. They depend
on ``seed`` alone, so that an attempt can be repeated by its name and number. Nothing runs before
``Attempt.run`` is called. ``root`` is an empty folder of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from gzslbench_benchmarks.torture.findings import Attempt

Attack = Callable[[int, Path], Iterator[Attempt]]


def find_attacks() -> dict[str, Attack]:
    """Return the function ``attempts`` of each module in this folder, by the name of the module."""
    names = sorted(module.name for module in iter_modules(__path__))
    return {name: import_module(f"{__name__}.{name}").attempts for name in names}
