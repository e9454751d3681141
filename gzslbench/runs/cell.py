"""A cell: everything that decides a number, and the id that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gzslbench.plugins.head import SOFTMAX

PROTOCOL = 3
"""Raised when the trainer or the evaluator gives other numbers for the same cell."""


@dataclass(frozen=True)
class Cell:
    """One run to be made, in plain JSON types.

    Attributes:
        method: Name of the method.
        method_version: The spec's version.
        dataset: Name of the dataset.
        task: The dataset's task id, which holds the fingerprints of split and content.
        preprocessing: How features are scaled.
        params: Every parameter of the method.
        head: What classifies for a generative method; None for one that scores classes itself.
        head_version: The version of the head's spec.
        head_params: Every parameter of a head that has its own.
        seed: Root of every random stream.
        select: The selection rule of the headline, ``last`` or ``val``.
        validation: Fingerprint of the validation split that ``val`` chooses on; None for ``last``.
        eval_every: Evaluate after each so many epochs and at the end; 0 at the end only.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32``, ``tf32`` or ``bf16``.
        deterministic: Whether only deterministic algorithms were allowed.
        protocol: Version of trainer and evaluator.
    """

    method: str
    method_version: int
    dataset: str
    task: str
    preprocessing: str
    params: Mapping[str, Any]
    seed: int
    head: str | None = None
    head_version: int = 1
    head_params: Mapping[str, Any] = field(default_factory=dict)
    select: str = "last"
    validation: str | None = None
    eval_every: int = 0
    device: str = "cpu"
    precision: str = "fp32"
    deterministic: bool = False
    protocol: int = PROTOCOL

    def as_dict(self) -> dict[str, Any]:
        """Every field by name."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def id(self) -> str:
        """The run's id and folder name: readable, and unique by the digest's first ten digits."""
        head = "" if self.head in (None, SOFTMAX) else f"-{self.head}"
        return f"{self.method}{head}-{self.dataset}-s{self.seed}-{self.digest[:10]}"
