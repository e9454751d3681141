"""A group of commands that imports a command when it is called, not when it is listed."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path
from typing import Any, NamedTuple

import click

from gzslbench.errors import GzslBenchError, InterruptedRunError, PluginError, did_you_mean

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 + SIGINT, as shells count."""
_NO_ACCESS = "make it readable for yourself (chmod), ask its owner to, or name another path"
_TOO_MANY = "raise the limit (ulimit -n), or run fewer jobs at a time"
_FIXES = {errno.EMFILE: _TOO_MANY, errno.ENFILE: _TOO_MANY, errno.ENAMETOOLONG: "give a shorter name"}
_FIXES[errno.EFBIG] = "raise the limit of the size of a file (ulimit -f), or use another file system"
_FIXES |= dict.fromkeys((errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE), _NO_ACCESS)
"""What to do about an error of the system, by its number."""
FAULT = 70  # after an error in the code of the program or of a plugin: EX_SOFTWARE of sysexits.h
_OF_THE_SYSTEM = (ImportError, OSError, MemoryError, RuntimeError)
"""Errors that may say what the system lacks; torch raises RuntimeError where memory runs out."""
_OTHER_NAMES = {"PIL": "pillow"}
"""Distributions that have another name than their module."""


class Target(NamedTuple):
    """Where a command is defined, `module:attribute`, and its line in the list of commands."""

    path: str
    help: str


class UserError(click.ClickException):
    """A GzslBenchError on its way to the terminal."""

    exit_code = 2


class _Messages(io.FileIO):
    """Standard error. What it cannot take is lost: a full disk below a log must not end a run."""

    def write(self, content: Any) -> int:
        with suppress(OSError):
            return super().write(content)
        return len(content)


class LazyGroup(click.Group):
    """A group that imports the commands in ``targets`` one at a time; a user's error has no traceback."""

    def __init__(self, *args: Any, targets: Mapping[str, Target] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.targets = targets or {}

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        """Run the command line; a sign that the terminal cannot show becomes a question mark."""
        _open_closed_streams()
        if args is None:
            _keep_output_apart()
            raw = io.BufferedWriter(_Messages(sys.stderr.fileno(), "w", closefd=False))
            sys.stderr = io.TextIOWrapper(raw, sys.stderr.encoding, line_buffering=True)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        problem = ""
        try:
            return super().main(args, *others, **options)
        except Exception as error:
            problem = _explain(error) if isinstance(error, _OF_THE_SYSTEM) else ""
            if problem:
                click.echo(f"Error: {problem}", err=True)
                raise SystemExit(UserError.exit_code) from error
            if args is not None:
                raise
            sys.excepthook(type(error), error, error.__traceback__)
            raise SystemExit(FAULT) from error
        finally:
            if args is None:  # the process ends: a second Ctrl-C shall not show where
                signal.signal(signal.SIGINT, signal.SIG_DFL)
            _flush_output(silently=bool(problem))

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the command line; Ctrl-C ends as it does while a command runs."""
        try:
            return super().make_context(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            click.echo("stopped", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from interrupt

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order in which a new user needs them."""
        return [*self.targets, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self.targets:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.targets[cmd_name].path.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was called, or propose the command with the nearest name."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            raise UserError(f"no command {name!r}\n  to do: {did_you_mean(name, known)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing those in `targets`."""
        rows = [(name, target.help) for name, target in self.targets.items()]
        rows += [(name, command.get_short_help_str(90)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was called, and turn errors and interruptions into exit codes."""
        try:
            Path.cwd()  # Without a current folder, MKL ends the process.
            with warnings.catch_warnings():
                # One line, without the place in the source that Python adds.
                warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)
                return super().invoke(ctx)
        except InterruptedRunError as error:
            click.echo(str(error), err=True)
            raise click.exceptions.Exit(INTERRUPTED) from error
        except GzslBenchError as error:
            raise UserError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            click.echo("stopped", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from interrupt
        except BaseException as end:  # of a plugin, if it is neither an Exception nor ours
            caller, line = list(traceback.walk_tb(end.__traceback__))[-1]
            name = caller.f_globals.get("__name__", "")
            if isinstance(end, Exception) or name.startswith(("click.", "rich.", "gzslbench.cli")):
                raise
            did = f"called sys.exit({end.code!r})" if isinstance(end, SystemExit) else f"raised {type(end)}"
            what = f"{name} {did}, which only the command line may"
            where = f"{caller.f_code.co_filename}, line {line}"
            raise UserError(str(PluginError(what, where=where, fix="raise an error instead"))) from end


def _open_closed_streams() -> None:
    """Open streams that the caller has closed, so that no file of ours gets their number and their output."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open("r+")  # noqa: SIM115 - it stays open
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _keep_output_apart() -> None:
    """Give our output a file descriptor of its own; what other code writes to number 1 goes elsewhere."""
    own, number = sys.stdout, sys.stdout.fileno()
    lines = 1 if own.isatty() else -1
    sys.stdout = open(os.dup(number), "w", lines, own.encoding)  # noqa: PTH123, SIM115 - a number; it stays open
    os.dup2(sys.stderr.fileno(), number)


def _flush_output(*, silently: bool) -> None:
    """Write what is left in the buffer of the output; if this fails, say so instead of Python."""
    try:
        sys.stdout.flush()
    except OSError as error:
        with Path(os.devnull).open("w") as null, suppress(OSError, ValueError):
            os.dup2(null.fileno(), sys.stdout.fileno())  # what is in the buffer would fail again at the end
        if not (silently or isinstance(error, BrokenPipeError)):
            click.echo(f"Error: {_explain(error)}", err=True)
        raise SystemExit(1 if isinstance(error, BrokenPipeError) else UserError.exit_code) from error


def _explain(error: Exception) -> str:
    """Return the message for an error of the system; empty for one that must be a fault of the program."""
    text = str(error) or type(error).__name__
    of_memory = "failed to map|annot allocate|enomem|can't allocate memory|out of memory"
    library = isinstance(error, (ImportError, RuntimeError)) and re.search(of_memory, text, re.I)
    if library or isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        fix = "close other programs, or raise the limit (ulimit -v)"
        return str(GzslBenchError(f"memory ran out: {text}", fix=fix))
    if isinstance(error, ModuleNotFoundError):
        extra = _extra_of(error.name or "")
        fix = f"pip install 'gzslbench[{extra}]'"
        return str(GzslBenchError(f"{error.name} is not installed", fix=fix)) if extra else ""
    if isinstance(error, FileNotFoundError) and error.errno and error.filename is None:
        return str(GzslBenchError("the current folder has been removed", fix="change to another folder"))
    if isinstance(error, OSError) and error.errno in _FIXES:
        what, where = f"{error.strerror}", error.filename and f"{error.filename!s:.240}"
        return str(GzslBenchError(what, where=where, fix=_FIXES[error.errno]))
    if isinstance(error, OSError) and error.errno not in (None, errno.EPIPE) and error.filename is None:
        frames = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
        is_output = frames[-1].partition(".")[0] in ("click", "rich") or frames[-1] == __name__
        what = "the output cannot be written" if is_output else "a file cannot be written"
        fix = "send it to another file or device" if is_output else "free some space, and repeat the command"
        return str(GzslBenchError(f"{what}: {error.strerror}", fix=fix))
    return ""


def _extra_of(module: str) -> str:
    """Return the smallest extra of gzslbench, except those for its developers, that installs a module."""
    wanted = _OTHER_NAMES.get(module.partition(".")[0], module.partition(".")[0]).replace("_", "-")
    parts = [requirement.partition("extra == ") for requirement in requires("gzslbench") or ()]
    pairs = [(re.split(r"[^\w.-]", name)[0], extra.strip("\"'")) for name, _, extra in parts]
    sizes = Counter(extra for _, extra in pairs)
    found = [extra for name, extra in pairs if name == wanted and extra not in ("", "dev", "docs")]
    return min(found, key=sizes.__getitem__, default="")
