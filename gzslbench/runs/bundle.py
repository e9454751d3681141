"""Export and import runs: as one zip archive, or as a folder that others can read and review."""

from __future__ import annotations

import errno
import json
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gzslbench.data.formats.numpy_files import UNREADABLE_ZIP, check_archive, most_unpacked
from gzslbench.errors import StoreError
from gzslbench.evaluation.predictions import MAX_FILE_BYTES
from gzslbench.files import (
    atomic_folder,
    atomic_path,
    check_file,
    format_size,
    make_folder,
    scratch_folder,
    writing,
)
from gzslbench.runs.external import TruthCheck
from gzslbench.runs.folder import CHOICE, CODE, RECORD
from gzslbench.runs.record import PERCENTAGES, Record
from gzslbench.runs.store import RunFolder, Store

FILES = (RECORD, "predictions.npz", "metrics.jsonl", "log.txt", CHOICE, CODE)
"""The files of a run that are exported; checkpoints are too large."""
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)
_DATE = (1980, 1, 1, 0, 0, 0)  # the same for every file, so that the same runs give the same bytes
README, ENVIRONMENT = "README.md", "environment.json"
_ABOUT = """\
# Results of generalized zero-shot learning

{count} evaluated with gzslbench. Numbers are per-class accuracies in percent. Each folder has the record of a
result and its predictions for every test row; environment.json has versions, devices and commands.

Compute the numbers again from the predictions, and compare the true classes with your copy of the data:

    gzslbench runs import . --results reviewed
    gzslbench runs verify reviewed

"""


@dataclass
class ImportResult:
    """Ids of the runs that were imported and that were stored already; by id, why others were refused.

    ``unchecked`` says why the true classes of a consistent run were not compared with the data.
    """

    taken: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    unchecked: dict[str, str] = field(default_factory=dict)


def write_bundle(path: Path, folders: Sequence[RunFolder]) -> None:
    """Write the runs to ``path`` atomically; the same runs give the same bytes."""
    with (
        writing(path, f"{path.name} cannot be written"),
        atomic_path(path) as scratch,
        zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for folder in folders:
            for file in _files(folder):
                entry = zipfile.ZipInfo(f"{folder.id}/{file.name}", _DATE)
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)


def _files(folder: RunFolder) -> list[Path]:
    return [file for file in (folder.path / name for name in FILES) if file.is_file()]


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
            records = [folder.require_record() for folder in folders]
            for folder in folders:
                (scratch / folder.id).mkdir()
                for file in _files(folder):
                    shutil.copyfile(file, scratch / folder.id / file.name)
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


def import_runs(source: Path, store: Store, data: Path | None = None) -> ImportResult:
    """Copy the runs of an archive or a folder into the store, each if it is consistent.

    Where the data are here, below ``data`` or the usual folder, the true classes must be those of the data.
    """
    store.make()
    with ExitStack() as stack:
        root = source
        if not source.is_dir():
            with writing(store.root, "the archive cannot be unpacked"):
                root = stack.enter_context(scratch_folder(store.root / "import"))
                _unpack(source, root)
        inner = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
        folders = Store(root).runs() or (Store(inner[0]).runs() if len(inner) == 1 else [])
        if not folders:
            fix = "name an archive or a folder that contains runs"
            raise StoreError("there are no runs in it", where=source, fix=fix)
        result, truth = ImportResult(), TruthCheck(data)
        for folder in folders:
            _import_run(folder, store, result, truth)
    return result


def _unpack(path: Path, into: Path) -> None:
    """Unpack an archive into an empty folder; zipfile lets no name lead out of it."""
    fix = "write it again: gzslbench runs export"
    check_file(path, StoreError)
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive, most_unpacked(path.stat().st_size))
            for entry in archive.infolist():
                if entry.file_size > MAX_FILE_BYTES:
                    raise ValueError(f"{entry.filename} is larger than {format_size(MAX_FILE_BYTES)}")
            archive.extractall(into)
    except UNREADABLE_ZIP as error:
        if getattr(error, "errno", None) in _OF_THE_DISK:
            raise
        raise StoreError(f"not an archive of runs: {error}", where=path, fix=fix) from error


def _import_run(folder: RunFolder, store: Store, result: ImportResult, truth: TruthCheck) -> None:
    problems, unchecked = truth.find_problems(folder)
    if unchecked:
        result.unchecked[folder.id] = unchecked
    ours = store.run(folder.id)
    if not problems and ours.has_ended():
        if _comparable(ours) == _comparable(folder):
            result.there.append(folder.id)
            return
        problems = ["the store has another record of this id: remove one of them first"]
    elif not problems and ours.has_begun():
        problems = ["the store has an unfinished run of this id: finish or remove it first"]
    if problems:
        result.refused[folder.id] = problems
        return
    # The record is copied last: a folder without a record is not a run, so half a copy is never listed.
    with writing(ours.path, "the run cannot be copied"):
        ours.path.mkdir(parents=True, exist_ok=True)
        for file in reversed(_files(folder)):
            with atomic_path(ours.path / file.name) as scratch:
                shutil.copyfile(file, scratch)
    result.taken.append(folder.id)


def _comparable(folder: RunFolder) -> object:
    record = folder.record()
    return None if record is None else record.comparable()
