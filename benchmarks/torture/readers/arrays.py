"""Features, labels and scores in arrays and tables of every kind."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from scipy.io import savemat

from gzslbench_benchmarks.torture.containers import mutate_torch
from gzslbench_benchmarks.torture.mutations import (
    Mutation,
    mutate_bytes,
    mutate_lines,
    mutate_npy,
    mutate_zip,
)
from gzslbench_benchmarks.torture.readers.datasets import CLASSES, ROWS, draw_dataset, make_folder
from gzslbench_benchmarks.torture.readers.reader import Reader


def write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write a table."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def make_arrays(folder: Path) -> None:
    """Write features, labels and semantics as arrays and tables of every kind."""
    from pyarrow import parquet, table

    feature_file, splits = draw_dataset()
    features, labels = (
        feature_file["features"].T.astype(np.float32),
        feature_file["labels"].ravel().astype(int),
    )
    names = [CLASSES[label - 1] for label in labels]
    np.save(folder / "semantics.npy", splits["att"].T)
    for name, values in (("features", features), ("labels", labels)):
        np.save(folder / f"{name}.npy", values)
        np.savez_compressed(folder / f"{name}.npz", **{name: values})
        savemat(folder / f"{name}.mat", {name: values})
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file[name] = values if name == "features" else names
    columns = {f"x{number}": column for number, column in enumerate(features.T)}
    parquet.write_table(table(columns), folder / "features.parquet")
    parquet.write_table(table({"label": names}), folder / "labels.parquet")
    write_csv(folder / "features.csv", [list(columns), *features.tolist()])
    write_csv(folder / "labels.csv", [["label"], *([name] for name in names)])


def make_scores(folder: Path) -> None:
    """Write a dataset, and scores of its test rows as files of every kind."""
    make_folder(folder)
    _, splits = draw_dataset()
    rows = np.concatenate(
        [splits[f"{part}_loc"].ravel().astype(int) - 1 for part in ("test_seen", "test_unseen")]
    )
    scores = np.random.default_rng(0).random((len(rows), len(CLASSES)))
    np.save(folder / "scores.npy", scores)
    np.savez(folder / "scores.npz", scores=scores, rows=rows, classes=np.array(CLASSES))
    torch.save({"scores": torch.from_numpy(scores), "rows": rows.tolist()}, folder / "scores.pt")
    write_csv(
        folder / "scores.csv",
        [["row", *CLASSES], *([row, *found] for row, found in zip(rows, scores, strict=True))],
    )


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


_KINDS = ("npy", "npz", "csv", "parquet", "mat", "h5")
READERS = (
    *_arrays(_KINDS, partial(_read_features, rows=len(CLASSES) * ROWS), "features"),
    *_arrays(_KINDS, _read_labels, "labels"),
    *_arrays(("npy", "npz", "csv", "pt"), _read_scores, "scores"),
)
