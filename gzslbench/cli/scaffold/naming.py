"""What a new method may be called, and what its package, class and distribution are called then."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

from gzslbench.errors import PluginError
from gzslbench.plugins.registry import plugins

_SHAPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 30


@dataclass(frozen=True)
class Naming:
    """The names that follow from ``name``, which is lower case with hyphens."""

    name: str

    @property
    def module(self) -> str:
        """For example ``my_method``."""
        return self.name.replace("-", "_")

    @property
    def cls(self) -> str:
        """For example ``MyMethod``."""
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def title(self) -> str:
        """For example ``My method``."""
        return self.name.replace("-", " ").capitalize()


def naming(name: str) -> Naming:
    """The names of a new method.

    Raises:
        PluginError: It is no name of a method, or taken.
    """
    if not _SHAPE.fullmatch(name) or keyword.iskeyword(name) or len(name) > _LONGEST:
        better = re.sub(r"[^a-z0-9]+", "-", _hyphenated(name).lower()).strip("-0123456789")[:_LONGEST]
        proposed = better.strip("-") or "method"
        proposed = f"{proposed}-method" if keyword.iskeyword(proposed) else proposed
        raise PluginError(
            f"{name!r} is no name for a method",
            where=f"a letter, then letters and digits in lower case, hyphens between, at most {_LONGEST}",
            fix=f"did you mean {proposed!r}?",
        )
    taken = {*plugins().methods(), *plugins().entries["methods"]}
    if name in taken:
        raise PluginError(
            f"there is a method or plugin {name!r}",
            where="gzslbench methods",
            fix=f"choose another name, for example {f'my-{name}'[:_LONGEST]!r}",
        )
    return Naming(name)


def _hyphenated(name: str) -> str:
    """``MyMethod`` as ``My-Method``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
