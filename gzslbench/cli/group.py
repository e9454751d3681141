"""A command group that imports a command when it is called, not when it is listed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, TextIO

import click

from gzslbench.errors import GzslBenchError, InterruptedRunError, did_you_mean

INTERRUPTED = 130


class Target(NamedTuple):
    """Where a command is, ``module:attribute``, and its line in the list of commands."""

    path: str
    help: str


class UserError(click.ClickException):
    """A GzslBenchError on its way to the terminal."""

    exit_code = 2


class LazyGroup(click.Group):
    """Commands by name, imported one at a time; errors a user can mend have no traceback."""

    def __init__(self, *args: Any, targets: Mapping[str, Target], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.targets = targets

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of a first use."""
        return list(self.targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.targets:
            return None
        module, _, attribute = self.targets[cmd_name].path.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command called; a wrong name is answered with the nearest one."""
        name = args[0]
        if name not in self.targets and not name.startswith("-") and not ctx.resilient_parsing:
            raise UserError(f"no command {name!r}\n  to do: {did_you_mean(name, list(self.targets))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, target.help) for name, target in self.targets.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command called, and turn errors and interruptions into exit codes."""
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                return super().invoke(ctx)
        except InterruptedRunError as error:
            click.echo(str(error), err=True)
            raise click.exceptions.Exit(INTERRUPTED) from error
        except GzslBenchError as error:
            raise UserError(str(error)) from error
        except KeyboardInterrupt as interrupt:
            click.echo("stopped", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from interrupt


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    click.echo(f"warning: {message}", err=True)
