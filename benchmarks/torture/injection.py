"""Let one step of writing fail, or end the process there, as a full disk or a power cut would."""

from __future__ import annotations

import builtins
import errno
import io
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

KILLED = 77
"""Exit status of a process that ended itself in the middle of a step."""
FAILURES = {"killed": 0, "full": errno.ENOSPC, "refused": errno.EACCES, "unwritable": errno.EFBIG}
"""How a step can fail, and the error of the system; 0: the process ends at once.

After an ``unwritable`` step, no file takes more than SMALL bytes, which libraries in C see as well.
"""
SMALL = 4096
_CREATING = os.O_CREAT | os.O_WRONLY | os.O_RDWR


class Steps:
    """Counts the steps that change something on disk; step ``at``, counted from 0, fails as ``how`` says.

    ``at`` None only counts. Writes by libraries in C are not counted, but for those through Python's files.
    """

    def __init__(self, at: int | None = None, how: str = "killed") -> None:
        self.at, self.how, self.count = at, how, 0
        self.last = ""

    def __call__(self, what: str) -> None:
        """Take one step."""
        at, self.count = self.count, self.count + 1
        if at != self.at:
            return
        self.last = what
        if self.how == "killed":
            os._exit(KILLED)
        if self.how != "unwritable" and not what.startswith(("unlink", "rmdir")):  # a full disk lets files go
            code = FAILURES[self.how]
            raise OSError(code, os.strerror(code), what)

    def limit_files(self) -> None:
        """Let no file grow any more if the ``unwritable`` step is over."""
        if self.how == "unwritable" and self.last:
            most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, most))

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count inside; only for a process of its own."""
        step, real_open = self, io.open

        class Raw(io.FileIO):
            def write(self, data: Any) -> int:
                step("write")
                return super().write(data)

            def truncate(self, size: int | None = None) -> int:
                step("truncate")
                return super().truncate(size)

        def open_counted(
            file: Any,
            mode: str = "r",
            buffering: int = -1,
            encoding: str | None = None,
            errors: str | None = None,
            newline: str | None = None,
            closefd: bool = True,
            opener: Any = None,
        ) -> Any:
            if not set(mode) & set("wax+"):
                return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
            step(f"open {file}")
            raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
            if buffering == 0:
                return raw
            buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffer if "b" in mode else io.TextIOWrapper(buffer, encoding, errors, newline)

        def counts(name: str) -> Callable[..., Any]:
            real = getattr(os, name)

            def call(*arguments: Any, **options: Any) -> Any:
                if name != "open" or arguments[1] & _CREATING:
                    step(f"{name} {arguments[0]}")
                found = real(*arguments, **options)
                step.limit_files()
                return found

            return call

        names = (
            "open",
            "write",
            "fsync",
            "rename",
            "replace",
            "mkdir",
            "link",
            "unlink",
            "rmdir",
            "truncate",
            "posix_fallocate",
        )
        before = {name: getattr(os, name) for name in names}
        for name in names:
            setattr(os, name, counts(name))
        io.open = builtins.open = open_counted
        try:
            yield
        finally:
            io.open = builtins.open = real_open
            for name, function in before.items():
                setattr(os, name, function)
