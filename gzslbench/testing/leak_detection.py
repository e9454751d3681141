"""Keep test rows out of a method's reach during training, and find those that it reached nevertheless."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gzslbench.data.dataset import Dataset
from gzslbench.data.views import EvalView
from gzslbench.plugins.inputs import TrainView

_TEST_FIELDS = ("seen_features", "seen_labels", "unseen_features", "unseen_labels")


@contextmanager
def guard_test_rows(held_out: EvalView) -> Iterator[tuple[EvalView, list[str]]]:
    """Yield a copy of `held_out` whose rows and labels raise on every use, and a list of the attempts.

    Inside the context, creating a Dataset or another EvalView raises and is listed too: training needs none.
    """
    attempts: list[str] = []

    class Guarded(Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            attempts.append(f"a test row was read by {getattr(func, '__name__', func)}")
            raise PermissionError(attempts[-1])

    def refusing(cls: type) -> Any:
        def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
            attempts.append(f"a {cls.__name__}, which contains test rows, was created")
            raise PermissionError(attempts[-1])

        return refuse

    view = replace(held_out, **{name: getattr(held_out, name).as_subclass(Guarded) for name in _TEST_FIELDS})
    originals = {cls: cls.__dict__["__init__"] for cls in (Dataset, EvalView)}
    for cls in originals:
        type.__setattr__(cls, "__init__", refusing(cls))
    try:
        yield view, attempts
    finally:
        for cls, init in originals.items():
            type.__setattr__(cls, "__init__", init)


def bytes_of_test_rows(dataset: Dataset, held_out: EvalView, view: TrainView) -> set[bytes]:
    """Return the bytes of every test row, raw and scaled, except rows that are also training rows."""
    split = dataset.split
    raw = dataset.features[np.concatenate([split.test_seen, split.test_unseen])]
    training = _row_bytes(view.features.cpu().numpy()) | _row_bytes(dataset.features[split.trainval])
    return (_row_bytes(raw) | _row_bytes(held_out.features.cpu().numpy())) - training


def find_rows(rows: set[bytes], width: int, root: object) -> str | None:
    """Return the path from `root` to an array with one of the `rows` (bytes of float32), or None."""
    for path, array in reachable_arrays(root):
        if array.shape and array.shape[-1] == width and _row_bytes(array.reshape(-1, width)) & rows:
            return path
    return None


def reachable_arrays(root: object) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield every array of floats that `root`, its class or their package refers to, with its path."""
    name = type(root).__module__
    package = getattr(sys.modules.get(name), "__package__", "") or name
    modules = [m for name, m in sys.modules.items() if f"{name}.".startswith(f"{package}.")]
    stack: list[tuple[str, object]] = [("self", root), (type(root).__name__, type(root))]
    stack += [(module.__name__, module) for module in modules]
    visited: dict[int, object] = {}  # keeps the objects alive, so that no id is used twice
    while stack:
        path, thing = stack.pop()
        if id(thing) in visited:
            continue
        visited[id(thing)] = thing
        if isinstance(thing, Tensor):
            if thing.is_floating_point():
                yield path, torch.Tensor.detach(thing).cpu().float().numpy()
        elif isinstance(thing, np.ndarray) and thing.dtype.kind == "f":
            yield path, thing
        stack += [(f"{path}{step}", part) for step, part in _parts(thing, package)]


def _parts(thing: object, package: str) -> Iterable[tuple[str, object]]:
    """Yield what `thing` refers to, with the step to it. Skip modules and classes of other packages."""
    if isinstance(thing, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in list(thing.items()))
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from ((f"[{i}]", part) for i, part in enumerate(thing))
    elif isinstance(thing, functools.partial):
        yield from ((".func", thing.func), (".args", thing.args), (".keywords", thing.keywords))
    elif isinstance(thing, MethodType):
        yield from ((".__self__", thing.__self__), (".__func__", thing.__func__))
    elif isinstance(thing, FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or () if cell != CellType()]
        yield from ((".__closure__", cells), (".__defaults__", thing.__defaults__))
    if isinstance(thing, (ModuleType, type)):
        name = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
        if name != package and not name.startswith(f"{package}."):
            return
    yield from ((f".{name}", part) for name, part in list(getattr(thing, "__dict__", {}).items()))
    if isinstance(thing, (Tensor, nn.Module)):
        return
    for cls in type(thing).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if hasattr(thing, name):
                yield f".{name}", getattr(thing, name)


def _row_bytes(rows: NDArray[Any]) -> set[bytes]:
    """Return the bytes of each row of ``(n, d)`` features, or of each region of ``(n, R, d)`` ones."""
    plain = np.ascontiguousarray(rows, dtype=np.float32).reshape(-1, rows.shape[-1])
    return {row.tobytes() for row in plain}
