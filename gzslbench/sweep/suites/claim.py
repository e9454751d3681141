"""Claims of papers, tested in kind: whether runs with what a paper adds are better than runs without it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """What a paper says, and the runs that test it.

    Attributes:
        method: Name of the method.
        text: The claim, in a sentence.
        better: Name of the runs that should be better.
        than: Name of the runs that they should be better than.
        metric: The metric in which they should be better.
    """

    method: str
    text: str
    better: str
    than: str
    metric: Literal["U", "S", "H", "T1", "AUSUC"] = "H"


@dataclass(frozen=True)
class Verdict:
    """What the runs say about a claim.

    Attributes:
        claim: The claim.
        means: Means in percent of the runs that should be better and of the others, over the seeds of both.
        differences: For each seed that both have, the difference in points of percent.
    """

    claim: Claim
    means: tuple[float, float]
    differences: Mapping[int, float]

    @property
    def words(self) -> str:
        """Say in how many seeds the claim holds."""
        holds, seeds = sum(value > 0 for value in self.differences.values()), len(self.differences)
        if holds in (0, seeds):
            return f"holds in {'all' if holds else 'none of'} {seeds} seeds" if seeds > 1 else _alone(holds)
        return f"holds in {holds} of {seeds} seeds"


def judge_claims(
    claims: Sequence[Claim], groups: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[Verdict]:
    """Judge claims by finished runs, given by name. A claim whose sides share no seed is left out."""
    for claim in claims:
        pairs = _pairs(claim, groups)
        if pairs:
            one, other = (statistics.fmean(values) for values in zip(*pairs.values(), strict=True))
            differences = {seed: better - than for seed, (better, than) in pairs.items()}
            yield Verdict(claim, (one, other), differences)


def claims_table(verdicts: Sequence[Verdict]) -> str:
    """Format the verdicts as a Markdown table."""
    lines = ["| method | claim | metric | with | without | verdict |", "|---|---|---|---|---|---|"]
    for verdict in verdicts:
        claim, (one, other) = verdict.claim, verdict.means
        cells = (claim.method, claim.text, claim.metric, f"{one:.1f}", f"{other:.1f}", verdict.words)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _pairs(claim: Claim, groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[int, tuple[float, float]]:
    """For each seed of both sides, the metric on both."""
    sides = [
        {run["seed"]: run["metrics"][claim.metric] for run in groups.get(name, ()) if "metrics" in run}
        for name in (claim.better, claim.than)
    ]
    return {seed: (sides[0][seed], sides[1][seed]) for seed in sorted(sides[0].keys() & sides[1].keys())}


def _alone(holds: int) -> str:
    return "holds (one seed)" if holds else "does not hold (one seed)"
