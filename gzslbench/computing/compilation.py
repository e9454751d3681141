"""Functions compiled by torch, each with a plain form for machines that cannot compile."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor

from gzslbench.computing.instrumentation import record_backend
from gzslbench.errors import ParamError

VARIABLE = "GZSLBENCH_COMPILE"
"""Environment variable: 0 turns compilation off; 1, or unset, tries it."""

_log = logging.getLogger(__name__)


def compilation_wanted() -> bool:
    """Return whether the environment allows compilation."""
    value = os.environ.get(VARIABLE) or "1"
    if value not in ("0", "1"):
        raise ParamError(f"{value!r} is neither 0 nor 1", where=VARIABLE, fix=f"set {VARIABLE}=0 or unset it")
    return value == "1"


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
        self._compile = cache(partial(torch.compile, dynamic=True, fullgraph=True))

    def run(
        self, name: str, fast: Callable[..., Tensor], plain: Callable[..., Tensor], *operands: Tensor
    ) -> Tensor:
        """Return ``fast(*operands)``, compiled, or ``plain(*operands)`` and record it under ``name``."""
        if self.failure is None:
            # Imported late: torch loads its compiler only with the first compilation.
            from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

            try:
                result: Tensor = self._compile(fast)(*operands)
            except (TorchDynamoException, FailOnRecompileLimitHit) as error:  # and not those of the work
                self.failure = str(error).strip().partition("\n")[0] or type(error).__name__
                _log.warning("%s are not compiled, the plain form is used: %s", name, self.failure)
            else:
                record_backend(name, "compiled")
                return result
        record_backend(name, f"plain: {self.failure}")
        return plain(*operands)
