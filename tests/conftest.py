"""A capture that needs no GPU, and what refuses to make the host wait for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from gzslbench.computing.replays import CaptureError

aten = torch.ops.aten
WAITING = (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default)


class Watching(TorchDispatchMode):
    """Notes the operators that on CUDA would make the host wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        indices = args[1] if func in (aten.index.Tensor, aten.index_put_.default) else ()
        if func in WAITING or any(index is not None and index.dtype == torch.bool for index in indices):
            self.waits.append(f"the host waits for {func}")
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        return func(*args, **kwargs)


class Taping(Watching):
    """Writes down every operator with the very tensors that it read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[tuple[Any, Any, Any, Any]] = []
        self.made: set[int] = set()
        self.before: dict[int, tuple[Any, Any]] = {}

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func.namespace != "aten":
            return func(*args, **kwargs)
        for tensor in written(func, args, kwargs):
            if place(tensor) not in self.made:
                storage = tensor.untyped_storage()
                self.before.setdefault(place(tensor), (storage, storage.clone()))
        result = func(*args, **kwargs)
        read = {place(tensor) for tensor in tensors((args, kwargs))}
        fresh = {place(tensor) for tensor in tensors(result)} - read
        self.made |= fresh
        if fresh or func._schema.is_mutable:  # else it is a view
            self.operators.append((func, *tree_map(detached, (args, kwargs, result))))
        return result

    def undo(self) -> None:
        for storage, value in self.before.values():
            storage.copy_(value)

    def replay(self) -> None:
        with torch.no_grad():
            for func, args, kwargs, result in self.operators:
                for old, new in zip(tensors(result), tensors(func(*args, **kwargs)), strict=True):
                    if place(old) != place(new):
                        old.copy_(new)


class Recording:
    """What a CUDA graph does, on a CPU: a replay repeats operators on the same memory, and runs no Python.

    Capturing leaves everything as it was, the generators too.
    """

    fails = False

    def __init__(self, generators: Sequence[torch.Generator] = ()) -> None:
        self.generators = (torch.default_generator, *generators)
        self.warmed = self.captured = self.replayed = 0

    def warm_up(self, call: Callable[[], None]) -> str | None:
        self.warmed += 1
        with Watching() as watching:
            call()
        return watching.waits[0] if watching.waits else None

    def capture(self, call: Callable[[], None]) -> Callable[[], None]:
        self.captured += 1
        states = [generator.get_state() for generator in self.generators]
        with Taping() as tape:
            call()
        tape.undo()
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)
        if tape.waits or self.fails:
            raise CaptureError("operation not permitted when stream is capturing")

        def replay() -> None:
            self.replayed += 1
            tape.replay()

        return replay


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def detached(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, Tensor) else leaf


def place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def written(func: Any, args: Any, kwargs: Any) -> Iterator[Tensor]:
    """The arguments that the operator changes."""
    for position, argument in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from tensors(value)


@pytest.fixture
def recording() -> type[Recording]:
    """Captures on a CPU."""
    return Recording


@pytest.fixture
def watching() -> type[Watching]:
    """Notes what would make the host wait for the device."""
    return Watching
