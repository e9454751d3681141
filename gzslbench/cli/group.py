"""A group of commands that imports a command when it is called, not when it is listed."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from gzslbench.errors import GzslBenchError, InterruptedRunError, did_you_mean

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 + SIGINT, as shells count."""


class Target(NamedTuple):
    """Where a command is defined, `module:attribute`, and its line in the list of commands."""

    path: str
    help: str


class UserError(click.ClickException):
    """A GzslBenchError on its way to the terminal."""

    exit_code = 2


class LazyGroup(click.Group):
    """A group that imports the commands in ``targets`` one at a time; a user's error has no traceback."""

    def __init__(self, *args: Any, targets: Mapping[str, Target] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.targets = targets or {}

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; a sign that the terminal cannot show becomes a question mark."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*args, **kwargs)

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
