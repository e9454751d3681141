"""Functions that torch compiles where it can, with a plain form for where it cannot."""

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

from gzslbench.computing.account import told
from gzslbench.errors import ParamError

VARIABLE = "GZSLBENCH_COMPILE"
"""Environment variable: 0 leaves compilation out, 1 (or nothing) tries it."""

_ANSWERS = {"": True, "1": True, "0": False}
_log = logging.getLogger(__name__)


def compilation_wanted() -> bool:
    """Whether the environment leaves compilation in.

    Raises:
        ParamError: The variable is neither 0 nor 1.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked not in _ANSWERS:
        raise ParamError(f"{asked!r} is neither 0 nor 1", where=VARIABLE, fix=f"set {VARIABLE}=0 or unset it")
    return _ANSWERS[asked]


def compiler_found() -> str | None:
    """The C++ compiler that torch would take on a CPU; None where there is none."""
    default = "clang++" if sys.platform == "darwin" else "g++"
    return shutil.which(shlex.split(os.environ.get("CXX") or default)[0])


class Compilation:
    """Compiled forms of functions, each beside the plain form that does the same.

    Compiling takes some seconds, on a CPU a C++ compiler, on CUDA a C compiler and Triton. Where it fails
    once, the plain forms go on for good; an error of the work itself, such as a shortage of memory, passes.

    Attributes:
        failure: Why the plain forms go on; None while they need not.
    """

    def __init__(self) -> None:
        self.failure = None if compilation_wanted() else f"{VARIABLE}=0"
        self._compiled: dict[Any, Callable[..., Tensor]] = {}

    @property
    def works(self) -> bool:
        """Whether nothing speaks against compiling, as far as is known."""
        return self.failure is None

    def run(
        self, name: str, fast: Callable[..., Tensor], plain: Callable[..., Tensor], *operands: Tensor
    ) -> Tensor:
        """``fast(*operands)``, compiled, else ``plain(*operands)``; a record tells which, of ``name``."""
        if self.works:
            try:
                result = self._form(fast)(*operands)
            except _failures() as error:
                self.failure = str(error).strip().partition("\n")[0] or type(error).__name__
                _log.warning("%s are not compiled, the plain form goes on: %s", name, self.failure)
            else:
                told(name, "compiled")
                return result
        told(name, f"plain: {self.failure}")
        return plain(*operands)

    def _form(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        if function not in self._compiled:
            self._compiled[function] = torch.compile(function, dynamic=True, fullgraph=True)
        return self._compiled[function]


def _failures() -> tuple[type[Exception], ...]:
    """What says that compiling failed, and not the work; torch loads it with its first compilation."""
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

    return TorchDynamoException, FailOnRecompileLimitHit
