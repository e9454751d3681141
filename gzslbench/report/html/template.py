"""The templates, which escape whatever they are given."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gzslbench import __version__
from gzslbench.report.html.address import INDEX, RUNS, link, method_page, run_page, web_address
from gzslbench.report.terminal.printing import format_value


def rendered(template: str, base: str = "", **values: Any) -> str:
    """A page.

    Args:
        template: Its file among the templates.
        base: The page's way to the site's root: empty, or ``../``.
        **values: What the template names.
    """
    return _environment().get_template(template).render(base=base, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gzslbench.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = format_value
    environment.globals.update(
        version=__version__,
        INDEX=INDEX,
        RUNS=RUNS,
        link=link,
        run_page=run_page,
        method_page=method_page,
        web_address=web_address,
    )
    return environment
