"""What is seen besides the seen classes' training rows, while a model is fitted."""

from __future__ import annotations

from typing import Literal, get_args

Setting = Literal["inductive", "class-transductive", "transductive"]
"""Nothing more; the unseen classes' semantics; these and the unlabelled test features. Each sees more."""
SETTINGS: tuple[Setting, ...] = get_args(Setting)


def widest(*settings: Setting) -> Setting:
    """The one that sees most."""
    return max(settings, key=SETTINGS.index)
