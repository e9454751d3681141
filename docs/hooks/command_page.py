"""The page of all commands, from click: `<!-- commands -->` becomes a section for each command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click
from markdown_tables import table

from gzslbench.cli import main

MARK = "<!-- commands -->"


def insert_commands(markdown: str) -> str:
    """Put all commands into a page."""
    if MARK not in markdown:
        return markdown
    with click.Context(main, info_name="gzslbench") as context:
        return markdown.replace(MARK, "\n\n".join(_describe(main, context, 2)))


def _describe(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    """Yield the section of a command, then those of its subcommands."""
    yield f"{'#' * level} {context.command_path}"
    yield _plain(command.help)
    usage = command.collect_usage_pieces(context)
    yield f"```text\n{context.command_path} {' '.join(usage)}\n```"
    records = [param.get_help_record(context) for param in command.params]
    rows = [(f"<code>{_escape(name)}</code>", _escape(text)) for name, text in filter(None, records)]
    if rows:
        yield table(("option", "meaning"), rows)
    if command.epilog:
        yield f"```text\n{_plain(command.epilog)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                with click.Context(inner, info_name=name, parent=context) as below:
                    yield from _describe(inner, below, min(level + 1, 4))


def _plain(text: str | None) -> str:
    """Return a text without click's marks for paragraphs that are not wrapped."""
    return inspect.cleandoc(text or "").replace("\b\n", "").strip()


def _escape(text: str) -> str:
    """Return a text in which no sign has a meaning in Markdown or HTML, apart from backquotes."""
    return re.sub(r"`[^`]*`|[<>|*_$]", lambda m: m[0] if m[0][0] == "`" else f"&#{ord(m[0])};", text)
