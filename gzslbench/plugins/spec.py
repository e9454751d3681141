"""What specs have in common: kind and setting of a method or head, and the year of a paper."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from gzslbench.files import is_path_part

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["generative", "scoring"]
METHOD_KINDS: tuple[Kind, ...] = get_args(Kind)
Setting = Literal["inductive", "class-transductive", "evolving", "transductive"]
"""What a model learns from in addition to the training rows of the seen classes.

Nothing; the semantics of the unseen classes; each unlabelled test row after it was scored, see ``Evolving``;
the semantics of the unseen classes and all unlabelled test rows before any is scored.
"""
SETTINGS: tuple[Setting, ...] = get_args(Setting)
PRESETS = "defaults.toml"
"""The file of presets, in the folder of a method or a head."""
_KINDS: dict[str, Any] = {"str": str, "int": Integral, "float": Real, "Callable": Callable}


def widest(*settings: Setting) -> Setting:
    """Return the setting that sees most."""
    return max(settings, key=SETTINGS.index)


class Evolving(Protocol):
    """A model that classifies a stream of rows, and learns from each batch after it has scored it.

    It learns on a copy of what was trained, which the stream must not change.

    Attributes:
        batch_size: Rows of a batch; the last one may have fewer.
    """

    batch_size: int

    def scores(self, features: Tensor) -> Tensor:
        """Map the next ``(B, d)`` rows to ``(B, K)`` scores, higher is likelier."""
        ...

    def learn(self, features: Tensor) -> None:
        """Learn from the rows that were scored last, without labels; gradients are enabled."""
        ...


def wrong_fields(of: Any, owner: str, **allowed: int | tuple[Any, ...]) -> Iterator[str]:
    """Yield fields of a wrong type, with none of the ``allowed`` values, or below the least number or 0."""
    for info in fields(of):
        value, limit = getattr(of, info.name), allowed.get(info.name, 0)
        if not (value in limit if isinstance(limit, tuple) else _fits(value, str(info.type), limit)):
            yield f"{owner} has {info.name}={value!r:.80}"


def _fits(value: Any, annotation: str, least: int) -> bool:
    if annotation.startswith("tuple["):
        return isinstance(value, (tuple, list)) and all(_fits(one, annotation[6:], least) for one in value)
    kind = _KINDS.get(re.split(r"\W", annotation)[0], object)
    if not isinstance(value, kind):
        return value is None and annotation.endswith("None")
    return is_path_part(value) if kind is str else kind not in (Integral, Real) or least <= value < math.inf


class Published:
    """Base of the specs that name a paper."""

    paper: str

    @property
    def year(self) -> int | None:
        """The last year in the citation; None if it has no year."""
        years = re.findall(r"\b(?:19|20)\d\d\b", self.paper)
        return int(years[-1]) if years else None


_NOT_SHOWN = ("params", "load", "gpu_share", "code")


def spec_fields(spec: Published) -> dict[str, Any]:
    """Return the fields of a plugin that its description shows."""
    shown = {name: value for name, value in vars(spec).items() if name not in _NOT_SHOWN}
    return {**shown, "year": spec.year}
