"""The readers that are attacked, each with a small valid file."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench_benchmarks.torture.mutations import (
    Mutation,
    Random,
    mutate_bytes,
    mutate_json,
    mutate_lines,
    mutate_npy,
    mutate_zip,
)
from gzslbench_benchmarks.torture.samples import (
    ATTRIBUTES,
    CLASSES,
    make_arrays,
    make_folder,
    make_hdf5,
    make_images,
    make_run,
    make_scores,
    make_texts,
    make_toml,
    make_weights,
    mutate_hdf5,
    mutate_mat,
    mutate_signed,
    mutate_torch,
)


@dataclass(frozen=True)
class Reader:
    """A reader and the file that it reads.

    Attributes:
        make: Creates valid files in an empty folder; they depend on nothing but the code.
        pattern: Finds the file that gets damaged.
        mutate: Damages its content.
        read: Reads the file in its folder, and returns what can be compared.
        guarded: Whether a checksum must notice every change of what is read.
        slow: Whether one reading takes more than a twentieth of a second.
    """

    name: str
    make: Callable[[Path], None]
    pattern: str
    mutate: Mutation
    read: Callable[[Path], Any]
    guarded: bool = False
    slow: bool = False

    def file(self, folder: Path) -> Path:
        """Return the file that gets damaged."""
        return next(folder.glob(self.pattern))

    def attack(self, folder: Path, content: bytes, expected: Any, random: Random) -> str | None:
        """Read the file in ``folder`` after damage to its ``content``.

        ``expected`` is what an undamaged file gives, if it is guarded.

        Raises:
            GzslBenchError: As it should be; anything else that is raised is a finding.
        """
        file = self.file(folder)
        file.write_bytes(self.mutate(content, random))
        found = self.read(file)
        return "damage was not noticed" if self.guarded and freeze(found) != expected else None


def freeze(value: Any) -> Any:
    """Return a value that equals another one if what was read is equal to the bit."""
    if isinstance(value, np.ndarray):
        return (
            str(value.dtype),
            value.shape,
            hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest(),
        )
    if is_dataclass(value) and not isinstance(value, type):
        return freeze({name: getattr(value, name) for name in value.__dataclass_fields__})
    if isinstance(value, Mapping):
        return {str(key): freeze(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [freeze(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)


def _read_dataset(file: Path, name: str | None = None) -> Any:
    from gzslbench.data.load import load_dataset

    dataset = load_dataset(file if name is None else file.parent)
    np.asarray(dataset.features).sum()
    if dataset.regions is not None:
        np.asarray(dataset.regions).sum()
    return dataset.task_id, dataset.class_names, dataset.image_files, dataset.notes


def _read_verified(file: Path) -> Any:
    """Return what the fingerprints cover: features, regions, labels and semantics."""
    from gzslbench.data.load import verify_dataset
    from gzslbench.errors import DataError

    dataset, lines = verify_dataset(file)
    if not all(line.agrees for line in lines):
        raise DataError("noticed")
    return dataset.features, dataset.regions, dataset.labels, dataset.semantics


def _read_sources(file: Path) -> Any:
    from gzslbench.data.formats import hdf5
    from gzslbench.data.load import feature_files

    feature_files(file.parent)
    return hdf5.stored_sources(file), hdf5.stored_semantics(file), hdf5.stored_extraction(file)


def _read_record(file: Path) -> Any:
    from gzslbench.runs.record import Record, Summary

    record = Record.from_json(file.read_bytes(), file)
    return record.to_json(), Summary.of(record).as_dict(), record.comparable(), record.cell.id


def _read_metrics(file: Path) -> Any:
    from gzslbench.report.terminal.run import run_description
    from gzslbench.runs.folder import RunFolder

    folder = RunFolder(file.parent)
    folder.keep_metrics_until(1, fit="final")
    return folder.metrics(), run_description(folder.require_record(), folder)


def _read_predictions(file: Path) -> Any:
    from gzslbench.evaluation.predictions import load_predictions

    return asdict(load_predictions(file))


def _read_choice(file: Path) -> Any:
    from gzslbench.runs.execute import _read_choice
    from gzslbench.runs.folder import RunFolder

    return repr(_read_choice(RunFolder(file.parent), []))


def _resume(file: Path) -> Any:
    from gzslbench.training.checkpoint import load_checkpoint

    return load_checkpoint(file, file.with_name("owner").read_text())


def _continue(file: Path) -> Any:
    """Continue a run from its checkpoint, as `run --resume` does."""
    import gzslbench

    root = file.parents[2]
    work = root / "again"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root / "stopped", work)
    shutil.copyfile(file, next(work.glob("*/checkpoint-final.pt")))
    gzslbench.run(**json.loads((root / "call.json").read_text()), results=work, resume=True, quiet=True)


def _read_store(file: Path) -> Any:
    """Look at a store with one good and one damaged record, in every way that lists runs."""
    from click.testing import CliRunner

    from gzslbench.cli import main

    results = str(file.parents[1])
    good = (file.parents[2] / "good").read_text()
    for command in (["runs", "list"], ["leaderboard"], ["compare"], ["runs", "verify"]):
        done = CliRunner().invoke(main, [*command, results])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        if command[1:] == ["list"] and good not in done.output:
            raise AssertionError(f"{command} hides the good run: {done.output[:80]}")
        if done.exit_code not in (0, 1):
            raise AssertionError(f"{command} fails: {done.output[:80]}")


def _read_report(file: Path) -> Any:
    from click.testing import CliRunner

    from gzslbench.cli import main

    out = file.parents[2] / "site"
    shutil.rmtree(out, ignore_errors=True)
    done = CliRunner().invoke(main, ["report", "--no-figures", str(file.parents[1]), "--out", str(out)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    if done.exit_code not in (0, 1):
        raise AssertionError(f"report fails: {done.output[:80]}")


def _read_index(file: Path) -> Any:
    from gzslbench.runs.store import Store, read_summaries

    return [summary.as_dict() for summary in read_summaries(Store(file.parent))]


def _import(file: Path, source: Path | None = None) -> Any:
    from gzslbench.runs.bundle import import_runs
    from gzslbench.runs.store import Store, read_summaries

    before = set(file.parents[1].rglob("*"))
    into = file.parents[1] / "imported" / "deep" / "store"
    shutil.rmtree(into, ignore_errors=True)
    result = import_runs(source or file, Store(into))
    found = [summary.as_dict() for summary in read_summaries(Store(into))]
    outside = {path for path in file.parents[1].rglob("*") if into not in path.parents} - before
    outside -= {into, *into.parents}
    if outside:
        raise AssertionError(f"written outside of the store: {sorted(outside)[0]}")
    shutil.rmtree(into)
    return result.taken, found


def _read_suite(file: Path) -> Any:
    from gzslbench.sweeps.suites.suite import load_suite

    return [repr(run) for run in load_suite(str(file)).runs]


def _read_preset(file: Path) -> Any:
    from gzslbench.runs.plan import Request, make_plan

    return repr(make_plan(Request(method="eszsl", dataset="digits", seeds=(1,), preset=file)).cells)


def _read_published(file: Path) -> Any:
    from gzslbench.report.published import read_published

    return [number.as_dict() for number in read_published(file)]


def _read_baseline(file: Path) -> Any:
    from gzslbench.sweeps.suites import baseline

    groups = baseline.read_baseline(file)
    baseline.stored_metrics([file.parent], "last", "H")
    return [repr(change) for change in baseline.compare(groups, groups)]


def _read_table(file: Path) -> Any:
    from gzslbench.prepare.building.tables import read_table

    return read_table(file, CLASSES).values


def _read_descriptions(file: Path) -> Any:
    from gzslbench.prepare.text.texts import match_descriptions, read_descriptions

    return match_descriptions(read_descriptions(file), CLASSES, file)


def _read_attributes(file: Path) -> Any:
    from gzslbench.data.attributes import read_attributes

    return read_attributes(file).vectors


def _read_attribute_names(file: Path) -> Any:
    from gzslbench.prepare.text.attributes import read_attribute_names

    return read_attribute_names(file, ATTRIBUTES)


def _read_word_vectors(file: Path) -> Any:
    from gzslbench.prepare.text.attributes import read_word_vectors

    return read_word_vectors(file, {"red", "blue", "tail"})


def _read_features(file: Path, rows: int) -> Any:
    from gzslbench.prepare.building.arrays import read_features

    return np.asarray(read_features(file, rows))


def _read_labels(file: Path) -> Any:
    from gzslbench.prepare.building.arrays import read_labels

    return read_labels(file)


def _read_scores(file: Path) -> Any:
    from gzslbench.data.load import load_dataset
    from gzslbench.evaluation.external import report_of
    from gzslbench.evaluation.row_matching import RowMatcher
    from gzslbench.evaluation.score_files import read_given

    dataset = load_dataset(file.parent)
    return repr(report_of(read_given(file, dataset), RowMatcher(dataset).class_names))


def _read_weights(file: Path) -> Any:
    from torch import nn

    from gzslbench.prepare.extract.loading import read_weights

    return read_weights(nn.Linear(3, 2), file)


def _read_finetuned(file: Path) -> Any:
    from torch import nn, zeros

    from gzslbench.plugins.extractor import Extractor, ImageTransform, Request, Weights
    from gzslbench.prepare.extract.finetuned import load_finetuned

    def load(request: Request) -> Extractor:
        return Extractor(nn.Linear(3, 2), Weights("base", "0" * 64), ImageTransform(lambda _: zeros(3), {}))

    return repr(load_finetuned(load, "tiny", Request(weights=str(file))))


def _read_image(file: Path) -> Any:
    from gzslbench.prepare.extract.image import read_image

    return np.asarray(read_image(file))


def _read_class_list(file: Path) -> Any:
    from gzslbench.data.formats.xlsa17 import read_class_list

    return read_class_list(file), _read_dataset(file, "its folder")


_folder = partial(_read_dataset, name="its folder")
_features = partial(_read_features, rows=len(CLASSES) * 8)


def _arrays(kinds: Sequence[str], read: Callable[[Path], Any], stem: str) -> tuple[Reader, ...]:
    mutations: dict[str, Mutation] = {
        "npy": mutate_npy,
        "npz": mutate_zip,
        "csv": mutate_lines,
        "pt": mutate_torch,
    }
    return tuple(
        Reader(
            f"{stem}-{kind}",
            make_scores if stem == "scores" else make_arrays,
            f"{stem}.{kind}",
            mutations.get(kind, mutate_bytes),
            read,
        )
        for kind in kinds
    )


READERS: tuple[Reader, ...] = (
    Reader("mat5-features", make_folder, "res101.mat", mutate_bytes, _folder),
    Reader("mat5-splits", make_folder, "att_splits.mat", mutate_bytes, _folder),
    Reader("mat5-compressed", partial(make_folder, compress=True), "res101.mat", mutate_bytes, _folder),
    Reader("mat5-values", make_folder, "att_splits.mat", mutate_mat, _folder),
    Reader(
        "mat73-features", partial(make_folder, version=7.3), "res101.mat", mutate_bytes, _folder, slow=True
    ),
    Reader(
        "mat73-splits", partial(make_folder, version=7.3), "att_splits.mat", mutate_bytes, _folder, slow=True
    ),
    Reader(
        "mat73-values", partial(make_folder, version=7.3), "att_splits.mat", mutate_hdf5, _folder, slow=True
    ),
    Reader("hdf5", make_hdf5, "res101.h5", mutate_bytes, _read_dataset, slow=True),
    Reader("hdf5-values", make_hdf5, "res101.h5", mutate_hdf5, _read_dataset, slow=True),
    Reader("hdf5-sources", make_hdf5, "res101.h5", mutate_bytes, _read_sources, slow=True),
    Reader("hdf5-verified", make_hdf5, "res101.h5", mutate_bytes, _read_verified, guarded=True, slow=True),
    Reader("class-list", make_folder, "valclasses1.txt", mutate_lines, _read_class_list),
    Reader("record", make_run, "runs/ale*/record.json", mutate_json, _read_record),
    Reader("metrics", make_run, "runs/ale*/metrics.jsonl", mutate_lines, _read_metrics),
    Reader(
        "predictions", make_run, "runs/ale*/predictions.npz", mutate_bytes, _read_predictions, guarded=True
    ),
    Reader("predictions-arrays", make_run, "runs/ale*/predictions.npz", mutate_zip, _read_predictions),
    Reader("validation-choice", make_run, "runs/ale*/validation.json", mutate_json, _read_choice),
    Reader("checkpoint", make_run, "runs/ale*/checkpoint-final.pt", mutate_bytes, _resume, guarded=True),
    Reader(
        "checkpoint-signed", make_run, "runs/ale*/checkpoint-final.pt", mutate_signed, _continue, slow=True
    ),
    Reader("store", make_run, "store/ale*/record.json", mutate_json, _read_store, slow=True),
    Reader("report", make_run, "store/ale*/record.json", mutate_json, _read_report, slow=True),
    Reader("index", make_run, "store/.index-5.json", mutate_json, _read_index),
    Reader("archive", make_run, "export/runs.zip", mutate_bytes, _import, guarded=True, slow=True),
    Reader("archive-members", make_run, "export/runs.zip", mutate_zip, _import, slow=True),
    Reader(
        "submission",
        make_run,
        "submission/one/record.json",
        mutate_json,
        lambda file: _import(file, file.parents[1]),
        slow=True,
    ),
    Reader("suite", make_toml, "suite.toml", mutate_lines, _read_suite),
    Reader("preset", make_toml, "preset.toml", mutate_lines, _read_preset),
    Reader("published", make_toml, "eszsl.toml", mutate_lines, _read_published),
    Reader("baseline", make_toml, "metrics/suite.json", mutate_json, _read_baseline),
    Reader("semantics-csv", make_texts, "semantics.csv", mutate_lines, _read_table),
    Reader("semantics-npy", make_arrays, "semantics.npy", mutate_npy, _read_table),
    Reader("descriptions-json", make_texts, "texts.json", mutate_json, _read_descriptions),
    Reader("descriptions-csv", make_texts, "texts.csv", mutate_lines, _read_descriptions),
    Reader("attribute-vectors", make_texts, "att+words.csv", mutate_lines, _read_attributes),
    Reader("attribute-names", make_texts, "attributes.txt", mutate_lines, _read_attribute_names),
    Reader("word-vectors", make_texts, "words.txt", mutate_lines, _read_word_vectors),
    *_arrays(("npy", "npz", "csv", "parquet", "mat", "h5"), _features, "features"),
    *_arrays(("npy", "npz", "csv", "parquet", "mat", "h5"), _read_labels, "labels"),
    *_arrays(("npy", "npz", "csv", "pt"), _read_scores, "scores"),
    Reader("weights-pt", make_weights, "weights.pt", mutate_torch, _read_weights),
    Reader("weights-safetensors", make_weights, "weights.safetensors", mutate_bytes, _read_weights),
    Reader("weights-finetuned", make_weights, "finetuned.pt", mutate_torch, _read_finetuned),
    *(
        Reader(f"image-{kind}", make_images, f"image.{kind}", mutate_bytes, _read_image)
        for kind in ("jpg", "png", "gif", "tif", "webp", "bmp")
    ),
)
"""Every reader of a file that may come from outside."""
