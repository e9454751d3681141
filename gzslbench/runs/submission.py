"""A submission: a folder of runs that others can read, review and import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from gzslbench.errors import StoreError
from gzslbench.files import atomic_folder, make_folder, writing
from gzslbench.runs.bundle import FILES
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import RunFolder

README, ENVIRONMENT = "README.md", "environment.json"
_ABOUT = """\
# Results of generalized zero-shot learning

{count} evaluated with gzslbench. Numbers are per-class accuracies in percent. Each folder has the record of a
result and its predictions for every test row; environment.json has versions, devices and commands.

Compute the numbers again from the predictions, and compare the true classes with your copy of the data:

    gzslbench runs import . --results reviewed
    gzslbench runs verify reviewed

"""


def write_submission(path: Path, folders: Sequence[RunFolder]) -> None:
    """Write the runs to a new folder ``path``, with a table of their numbers; nothing is replaced.

    Raises:
        StoreError: The folder has files already, or cannot be written.
    """
    elsewhere = "choose another folder with --out"
    with writing(path, "the submission cannot be written", elsewhere=elsewhere):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise StoreError("it exists already", where=path, fix=f"move it away, or {elsewhere}")
        make_folder(path.absolute().parent)
        with atomic_folder(path.absolute()) as scratch:
            records = []
            for folder in folders:
                record = folder.record()
                assert record is not None  # the caller exports ended runs
                records.append(record)
                (scratch / folder.id).mkdir()
                for name in FILES:
                    if (folder.path / name).is_file():
                        shutil.copyfile(folder.path / name, scratch / folder.id / name)
            environment = {record.id: asdict(record.run) for record in records}
            (scratch / ENVIRONMENT).write_text(json.dumps(environment, indent=1) + "\n", encoding="utf-8")
            count = f"{len(records)} result" + "s" * (len(records) != 1)
            text = _ABOUT.format(count=count) + "\n".join(_lines(records)) + "\n"
            (scratch / README).write_text(text, encoding="utf-8")


def _lines(records: Sequence[Record]) -> Iterator[str]:
    """Return a Markdown table of the numbers that the runs report, then what each of them is."""
    yield "| result | dataset | selection | " + " | ".join(PERCENTAGES) + " |"
    yield "|---|---|---|" + "---:|" * len(PERCENTAGES)
    for record in records:
        shown = ("–" if number is None else f"{number:.2f}" for number in record.scores.values())
        rule = record.reported if record.status == "complete" else record.status
        yield f"| {record.id} | {record.task.dataset} | {rule} | " + " | ".join(shown) + " |"
    for record in records:
        yield f"\n`{record.id}`: task `{record.task.id}`, setting {record.setting}."
        external = record.cell.external
        if external is not None:
            sources = "".join(f" {text}." for text in (external.paper, external.url) if text)
            yield (
                f"External result of another program, {external.name}. As its author states, which is not"
                f" checked: selection {external.selection!r}, pretraining {external.pretraining!r}.{sources}"
            )
