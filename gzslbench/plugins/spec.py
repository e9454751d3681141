"""What specs have in common: kind and setting of a method or head, and the year of a paper."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

Kind = Literal["generative", "scoring"]
METHOD_KINDS: tuple[Kind, ...] = get_args(Kind)
Setting = Literal["inductive", "class-transductive", "transductive"]
"""What is seen during training in addition to the training rows of the seen classes.

Nothing; the semantics of the unseen classes; these and the unlabelled test features.
"""
SETTINGS: tuple[Setting, ...] = get_args(Setting)
PRESETS = "defaults.toml"
"""The file of presets, in the folder of a method or a head."""


def widest(*settings: Setting) -> Setting:
    """Return the setting that sees most."""
    return max(settings, key=SETTINGS.index)


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
