"""How results show themselves: as tables in notebooks and terminals, and as pandas data frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from gzslbench.errors import GzslBenchError
from gzslbench.report.tables import ResultTable, TableCell, render, share_details, to_console

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import Console

TEXT_WIDTH = 120
"""Columns of a table where the width of the terminal is not known."""


class TableView(ABC):
    """Base of everything that can be looked at as a table."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of ``to_frame`` in plain Python types."""

    @abstractmethod
    def tables(self) -> Sequence[ResultTable]:
        """Return the tables that are shown."""

    def to_frame(self) -> DataFrame:
        """Return the rows as a pandas data frame.

        Raises:
            GzslBenchError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            what = "data frames need pandas, which is not installed"
            raise GzslBenchError(what, fix="pip install 'gzslbench[pandas]'; or use rows()") from error
        return pandas.DataFrame(self.rows())

    def to_markdown(self) -> str:
        """Return the tables in GitHub's Markdown."""
        return self._render("md")

    def to_html(self) -> str:
        """Return the tables in HTML."""
        return self._render("html")

    def _repr_html_(self) -> str:
        return self.to_html()

    def __rich_console__(self, console: Console, _options: object) -> Iterable[Any]:
        for table in share_details(self.tables()):
            yield from (to_console(table), "")

    def __repr__(self) -> str:
        from rich.console import Console

        text = StringIO()
        Console(file=text, width=TEXT_WIDTH, force_jupyter=False, highlight=False).print(self)
        return text.getvalue().rstrip()

    def _render(self, form: str) -> str:
        return "\n".join(render(table, form) for table in share_details(self.tables()))


def make_table(
    title: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str] = (), numbers: Iterable[str] = ()
) -> ResultTable:
    """Return a table with a column per key of the rows; ``numbers`` are columns of numbers."""
    header = list(rows[0]) if rows else ["nothing"]
    text = [at for at, name in enumerate(header) if name not in set(numbers)]
    cells = [[TableCell(_text(row.get(name))) for name in header] for row in rows]
    return ResultTable(title, header, cells, notes, text_columns=text)


def _text(value: Any) -> str:
    return "–" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
