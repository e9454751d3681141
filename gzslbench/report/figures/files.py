"""Figures as files: PNG, PDF and SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gzslbench.files import write_atomically
from gzslbench.report.figures.style import DPI, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NO_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": "gzslbench", "Producer": None, "CreationDate": None},
    "svg": {"Creator": "gzslbench", "Date": None},
}


def save_figure(figure: Figure, path: Path) -> None:
    """Write ``figure`` whole or not at all, in the format that the name of ``path`` ends in.

    The same figure gives the same bytes, as long as matplotlib and its fonts are the same.

    Raises:
        StoreError: The folder is read-only, full or gone.
    """
    write_atomically(path, rendered(figure, path.suffix.removeprefix(".")))


def rendered(
    figure: Figure, form: str, *, transparent: bool = False, style: Mapping[str, Any] | None = None
) -> bytes:
    """``figure`` in the format ``form``, with ``style`` where it differs from every figure's."""
    content = io.BytesIO()
    with styled(**(style or {})):
        figure.savefig(content, format=form, dpi=DPI, metadata=_NO_DATES[form], transparent=transparent)
    return content.getvalue()
