"""Functions compiled by torch, each with a plain form for machines that cannot compile."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gzslbench.computing.instrumentation import record_backend
from gzslbench.errors import ParamError

VARIABLE = "GZSLBENCH_COMPILE"
"""Environment variable: 0 turns compilation off; 1, or unset, tries it."""

_VALUES = {"": True, "1": True, "0": False}
_log = logging.getLogger(__name__)


def compilation_wanted() -> bool:
    """Return whether the environment allows compilation."""
    value = os.environ.get(VARIABLE, "")
    if value not in _VALUES:
        raise ParamError(f"{value!r} is neither 0 nor 1", where=VARIABLE, fix=f"set {VARIABLE}=0 or unset it")
    return _VALUES[value]


def find_compiler() -> str | None:
    """Return the path of the C++ compiler that torch would use on a CPU, or None."""
    default = "clang++" if sys.platform == "darwin" else "g++"
    return shutil.which(shlex.split(os.environ.get("CXX") or default)[0])


class Compilation:
    """Compiles functions; after the first failure it runs their plain forms instead.

    Compiling needs a C++ compiler on a CPU, and a C compiler and Triton on CUDA. Errors of the work itself,
    such as a shortage of memory, are raised.

    Attributes:
        failure: Why only the plain forms are used; None while compiling works.
    """

    def __init__(self) -> None:
        self.failure = None if compilation_wanted() else f"{VARIABLE}=0"
        self._compiled: dict[Any, Callable[..., Tensor]] = {}

    @property
    def works(self) -> bool:
        """Whether compilation is turned on and has not failed so far."""
        return self.failure is None

    def run(
        self, name: str, fast: Callable[..., Tensor], plain: Callable[..., Tensor], *operands: Tensor
    ) -> Tensor:
        """Return ``fast(*operands)``, compiled, or ``plain(*operands)`` and record it under ``name``."""
        if self.works:
            try:
                result = self._compile(fast)(*operands)
            except _failures() as error:
                self.failure = str(error).strip().partition("\n")[0] or type(error).__name__
                _log.warning("%s are not compiled, the plain form is used: %s", name, self.failure)
            else:
                record_backend(name, "compiled")
                return result
        record_backend(name, f"plain: {self.failure}")
        return plain(*operands)

    def _compile(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if function not in self._compiled:
            self._compiled[function] = torch.compile(function, dynamic=True, fullgraph=True)
        return self._compiled[function]


def _failures() -> tuple[type[Exception], ...]:
    """Return the errors that mean that compiling failed, and not the work."""
    # Imported late: torch loads its compiler only with the first compilation.
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

    return TorchDynamoException, FailOnRecompileLimitHit
