"""Keeping test rows out of reach, and finding those that were reached all the same."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gzslbench.data.dataset import Dataset
from gzslbench.data.views import EvalView
from gzslbench.plugins.inputs import TrainView

_ROWS = ("seen_features", "seen_labels", "unseen_features", "unseen_labels")


@contextmanager
def sealed(held_out: EvalView) -> Iterator[tuple[EvalView, list[str]]]:
    """A copy of ``held_out`` whose rows and labels raise whatever is done with them, and a list of who tried.

    Inside, making a Dataset or another view raises and is listed too: whoever trains has no need of one.
    """
    tried: list[str] = []

    class Sealed(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            tried.append(f"a test row was read by {getattr(func, '__name__', func)}")
            raise PermissionError(tried[-1])

    def refusing(cls: type) -> Any:
        def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
            tried.append(f"a {cls.__name__} was made, which holds test rows")
            raise PermissionError(tried[-1])

        return refuse

    view = replace(held_out, **{name: getattr(held_out, name).as_subclass(Sealed) for name in _ROWS})
    guarded = {cls: cls.__dict__["__init__"] for cls in (Dataset, EvalView)}
    for cls in guarded:
        type.__setattr__(cls, "__init__", refusing(cls))
    try:
        yield view, tried
    finally:
        for cls, init in guarded.items():
            type.__setattr__(cls, "__init__", init)


def rows_of_test(dataset: Dataset, held_out: EvalView, view: TrainView) -> set[bytes]:
    """The bytes of every test row, as the dataset has it and as it is scaled; none that trains as well."""
    split = dataset.split
    raw = dataset.features[np.concatenate([split.test_seen, split.test_unseen])]
    trained = _bytes_of(view.features.cpu().numpy()) | _bytes_of(dataset.features[split.trainval])
    return (_bytes_of(raw) | _bytes_of(held_out.features.cpu().numpy())) - trained


def found_among(rows: set[bytes], width: int, root: object) -> str | None:
    """Where an array with one of the test ``rows``, each ``width`` wide, is within reach of ``root``."""
    for path, array in arrays_of(root):
        if array.shape and array.shape[-1] == width and _bytes_of(array.reshape(-1, width)) & rows:
            return path
    return None


def arrays_of(root: object) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every array of floats within reach of ``root``, its class and their package, with the way to it."""
    package = type(root).__module__.rpartition(".")[0] or type(root).__module__
    modules = [m for name, m in sys.modules.items() if name == package or name.startswith(f"{package}.")]
    start: list[tuple[str, object]] = [("self", root), (type(root).__name__, type(root))]
    start += [(module.__name__, module) for module in modules]
    done: set[int] = set()
    kept: list[object] = []  # so that no id is given out twice
    while start:
        path, thing = start.pop()
        if id(thing) in done:
            continue
        done.add(id(thing))
        kept.append(thing)
        if isinstance(thing, Tensor):
            if thing.is_floating_point():
                yield path, torch.Tensor.detach(thing).cpu().float().numpy()
        elif isinstance(thing, np.ndarray) and thing.dtype.kind == "f":
            yield path, thing
        start += [(f"{path}{step}", part) for step, part in _parts(thing, package)]


def _parts(thing: object, package: str) -> Iterable[tuple[str, object]]:
    """What ``thing`` leads to, each with the step to it; nothing of other packages' modules and classes."""
    if isinstance(thing, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in list(thing.items()))
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from ((f"[{i}]", part) for i, part in enumerate(thing))
    elif isinstance(thing, functools.partial):
        yield from ((".func", thing.func), (".args", thing.args), (".keywords", thing.keywords))
    elif isinstance(thing, MethodType):
        yield from ((".__self__", thing.__self__), (".__func__", thing.__func__))
    elif isinstance(thing, FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell)]
        yield from ((".__closure__", cells), (".__defaults__", thing.__defaults__))
    if isinstance(thing, (ModuleType, type)):
        name = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
        if name != package and not name.startswith(f"{package}."):
            return
    yield from ((f".{name}", part) for name, part in list(getattr(thing, "__dict__", {}).items()))
    for cls in type(thing).__mro__:
        for name in _slots(cls):
            if hasattr(thing, name) and not isinstance(thing, (Tensor, nn.Module)):
                yield f".{name}", getattr(thing, name)


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _bytes_of(rows: NDArray[Any]) -> set[bytes]:
    return {row.tobytes() for row in np.ascontiguousarray(rows, dtype=np.float32)}
