"""Whether a network got every one of its weights: timm only logs those that a file lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from gzslbench.errors import ExtractionError

FEW = 3


@contextmanager
def missing_noted() -> Iterator[list[str]]:
    """Inside, the names of all weights that ``load_state_dict`` of any network finds no value for."""
    missing: list[str] = []
    load = nn.Module.load_state_dict

    def noting(network: nn.Module, *state: Any, **settings: Any) -> Any:
        outcome = load(network, *state, **settings)
        missing.extend(outcome.missing_keys)
        return outcome

    nn.Module.load_state_dict = noting  # type: ignore[method-assign]
    try:
        yield missing
    finally:
        nn.Module.load_state_dict = load  # type: ignore[method-assign]


def check_whole(missing: Iterable[str], classifiers: Sequence[str], where: str) -> None:
    """Refuse a network that lacks weights, which are random numbers then.

    The normalization right before a classifier may be missing: networks that were trained without labels
    have none, and timm's does nothing until it is trained.

    Args:
        missing: Names of weights that no value was found for.
        classifiers: Names of the classifiers.
        where: What was asked for.

    Raises:
        ExtractionError: Some are missing.
    """
    heads = tuple(f"{name.rpartition('.')[0]}.norm." for name in classifiers if "." in name)
    lacking = sorted(name for name in missing if not name.startswith(heads))
    if lacking:
        raise ExtractionError(
            f"{len(lacking)} weights are missing from it, for example {', '.join(lacking[:FEW])}",
            where=where,
            fix="name the model that these weights were saved from, whole",
        )
