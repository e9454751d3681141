"""Claims of papers, checked in kind: whether runs with what a paper adds are better than runs without."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gzslbench.runs.record import PERCENTAGES


@dataclass(frozen=True)
class Claim:
    """What a paper says, and the runs that are asked about it.

    Attributes:
        method: The method's name.
        text: The claim, in a sentence.
        better: Name of the runs that should be better.
        than: Name of the runs that they should be better than.
        metric: In which metric.

    Raises:
        ValueError: There is no such metric.
    """

    method: str
    text: str
    better: str
    than: str
    metric: str = "H"

    def __post_init__(self) -> None:
        if self.metric not in PERCENTAGES:
            raise ValueError(f"no metric {self.metric!r}, only {', '.join(PERCENTAGES)}")


@dataclass(frozen=True)
class Verdict:
    """What the runs say.

    Attributes:
        claim: Of which claim.
        means: Of the runs that should be better, and of the others, over the seeds that both have.
        differences: By seed that both have, in points of percent.
    """

    claim: Claim
    means: tuple[float, float]
    differences: Mapping[int, float]

    @property
    def words(self) -> str:
        """In how many seeds the claim holds."""
        holds, seeds = sum(value > 0 for value in self.differences.values()), len(self.differences)
        if holds in (0, seeds):
            return f"holds in {'all' if holds else 'none of'} {seeds} seeds" if seeds > 1 else _alone(holds)
        return f"holds in {holds} of {seeds} seeds"


def judged(claims: Sequence[Claim], groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Verdict]:
    """What finished runs, by name, say of each claim; one without seeds that both sides have is left out."""
    for claim in claims:
        pairs = _pairs(claim, groups)
        if pairs:
            one, other = (statistics.fmean(values) for values in zip(*pairs.values(), strict=True))
            differences = {seed: better - than for seed, (better, than) in pairs.items()}
            yield Verdict(claim, (one, other), differences)


def table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a Markdown table."""
    lines = ["| method | claim | metric | with | without | verdict |", "|---|---|---|---|---|---|"]
    for verdict in verdicts:
        claim, (one, other) = verdict.claim, verdict.means
        cells = (claim.method, claim.text, claim.metric, f"{one:.1f}", f"{other:.1f}", verdict.words)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _pairs(claim: Claim, groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[int, tuple[float, float]]:
    """The metric on both sides, by seed."""
    sides = [
        {run["seed"]: run["metrics"][claim.metric] for run in groups.get(name, ()) if "metrics" in run}
        for name in (claim.better, claim.than)
    ]
    return {seed: (sides[0][seed], sides[1][seed]) for seed in sorted(sides[0].keys() & sides[1].keys())}


def _alone(holds: int) -> str:
    return "holds (one seed)" if holds else "does not hold (one seed)"
