"""One table for runs on different features and semantics of the same split, on request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gzslbench.data.dataset import FINETUNED, UNKNOWN
from gzslbench.report.leaderboard.entry import Entry

SEVERAL = "several"
"""Stands for what the rows of a table do not have in common."""
ANY_SETTING: Any = "any setting"
"""Not one of the settings: those of the rows may differ."""


def join_features(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries that share a table if they have the same test rows; their rows say what differs.

    External results stay apart: what they were trained on is only stated.
    """
    entries = list(entries)
    own = [entry for entry in entries if entry.summary.cell.external is None]
    networks = {_network(entry) for entry in own}
    common = networks.pop() if len(networks) == 1 else SEVERAL
    return [entry if entry.summary.cell.external is not None else _join(entry, common) for entry in entries]


def _network(entry: Entry) -> str:
    return (entry.summary.task.pretraining or UNKNOWN).partition(FINETUNED)[0]


def _join(entry: Entry, network: str) -> Entry:
    summary, task = entry.summary, entry.summary.task
    _, finetuned, rows = (task.pretraining or "").partition(FINETUNED)
    what = [task.features, task.semantics]
    what += [summary.setting] if summary.setting != "inductive" else []
    what += [_network(entry)] if network == SEVERAL else []
    what += [f"{finetuned.strip(', ')} {rows}"] if finetuned else []
    shared = replace(
        task,
        id=f"{task.dataset}, split {(task.split_fingerprint or UNKNOWN)[:8]}",
        features=SEVERAL,
        semantics=SEVERAL,
        pretraining=network,
    )
    joined = replace(summary, task=shared, setting=ANY_SETTING)
    return replace(entry, summary=joined, row=f"{entry.row} ({', '.join(what)})")
