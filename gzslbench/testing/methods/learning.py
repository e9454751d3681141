"""Whether a method learns, on the problem whose best answer is known."""

from __future__ import annotations

from gzslbench.testing.check import NotApplicable, demand
from gzslbench.testing.methods.case import MethodCase

FAR_ABOVE_CHANCE = 40.0
"""Points of H on ``synthetic``, where the best there is, is 94 and chance is 3."""
_FALL = 0.02


def a_loss_falls(case: MethodCase) -> None:
    """In every stage of several epochs some term of a loss is lower at its end than at its beginning."""
    ends = case.learned.ends
    several = [name for name in dict.fromkeys(end.stage for end in ends) if _count(case, name) > 1]
    if not several:
        raise NotApplicable("it has no stage of several epochs")
    for name in several:
        first, *_, last = (end.losses for end in ends if end.stage == name)
        fallen = [term for term in first if last[term] < first[term] - _FALL * abs(first[term])]
        demand(
            bool(fallen),
            f"in stage {name!r} no loss fell from the first epoch to the last: {_told(first, last)}",
            "check the signs of the terms, lower the learning rate, or train for longer in [synthetic]",
        )


def it_comes_far_above_chance(case: MethodCase) -> None:
    """With its settings for `synthetic` H is above 40, where 94 is the best there is and 3 is chance."""
    reached = case.learned.evaluate().trace[-1]
    demand(
        reached.H > FAR_ABOVE_CHANCE,
        f"H is {reached.H:.1f} (U {reached.U:.1f}, S {reached.S:.1f}, T1 {reached.T1:.1f})",
        "write settings that learn 30 classes of 32 features under [synthetic] in defaults.toml; where U is"
        " near 0 and T1 is not, lower the scores of seen classes",
    )


def _count(case: MethodCase, stage: str) -> int:
    return sum(end.stage == stage for end in case.learned.ends)


def _told(first: dict[str, float], last: dict[str, float]) -> str:
    return ", ".join(f"{term} {value:.4g} to {last[term]:.4g}" for term, value in first.items())
