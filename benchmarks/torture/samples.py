"""Small valid files of every kind, and damage that only a writer of that kind can do."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import h5py
import numpy as np
import torch
from scipy import sparse
from scipy.io import loadmat, savemat

from gzslbench_benchmarks.torture.mutations import VALUES, Random, find_places, mutate_bytes, pick

CLASSES = tuple(f"{number:03d}.class_{number}" for number in range(10))
UNSEEN, ATTRIBUTES, DIMENSION, ROWS = (2, 5, 8), 6, 12, 8
_DIGEST = 32
_made: dict[Callable[[Path], None], Path] = {}


def once(make: Callable[[Path], None]) -> Callable[[Path], None]:
    """Let ``make`` compute its files once, and copy them into all further folders."""

    def make_or_copy(folder: Path) -> None:
        first = _made.get(make)
        if first is not None and first.exists():
            shutil.copytree(first, folder, dirs_exist_ok=True)
            return
        make(folder)
        _made[make] = folder.with_name(f".{folder.name}")
        shutil.copytree(folder, _made[make])

    return make_or_copy


def _draw() -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw the variables of a feature file and of a file of semantics and a split."""
    random = np.random.default_rng(0)
    semantics = np.abs(random.normal(size=(len(CLASSES), ATTRIBUTES)))
    labels = random.permutation(np.repeat(np.arange(len(CLASSES)), ROWS))
    features = np.abs(semantics[labels] @ random.normal(size=(ATTRIBUTES, DIMENSION)))
    unseen = np.isin(labels, UNSEEN)
    test = [np.flatnonzero(labels == number)[:2] for number in range(len(CLASSES)) if number not in UNSEEN]
    test_seen = np.sort(np.concatenate(test))
    train = np.setdiff1d(np.flatnonzero(~unseen), test_seen)
    rows = {"trainval_loc": train, "test_seen_loc": test_seen, "test_unseen_loc": np.flatnonzero(unseen)}
    files = [f"/data/{CLASSES[label]}/{row}.jpg" for row, label in enumerate(labels)]
    return (
        {"features": features.T, "labels": labels[:, None] + 1.0, "image_files": _cells(files)},
        {"att": semantics.T, "allclasses_names": _cells(CLASSES)}
        | {name: found[:, None] + 1.0 for name, found in rows.items()},
    )


def _cells(texts: Iterable[str]) -> Any:
    return np.array(list(texts), dtype=object)[:, None]


def make_folder(folder: Path, *, version: float = 5, compress: bool = False) -> None:
    """Write a dataset of 80 rows in MATLAB files of a version."""
    for name, values in zip(("res101", "att_splits"), _draw(), strict=True):
        if version == 5:
            savemat(folder / f"{name}.mat", values, do_compression=compress)
        else:
            _write_73(folder / f"{name}.mat", values)
    listed = [name for number, name in enumerate(CLASSES) if number in (0, 3, 6)]
    (folder / "valclasses1.txt").write_text("\n".join(listed) + "\n")


def _write_73(path: Path, values: dict[str, Any]) -> None:
    """Write variables as MATLAB 7.3 does: transposed, cells as references, large arrays in chunks."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in values.items():
            if value.dtype != object:
                stored = file.create_dataset(name, data=value.T, chunks=True, compression="gzip")
                stored.attrs["MATLAB_class"] = np.bytes_("double")
                continue
            cells = file.create_dataset(name, value.T.shape, dtype=h5py.ref_dtype)
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
            for number, text in enumerate(value.ravel()):
                characters = file.create_dataset(
                    f"#refs#/{name}{number}", data=np.array([[ord(c)] for c in text], "<u2")
                )
                characters.attrs["MATLAB_class"] = np.bytes_("char")
                cells[0, number] = characters.ref


@once
def make_hdf5(folder: Path) -> None:
    """Write a dataset in gzslbench's format, with regions and two semantics."""
    from dataclasses import replace

    from gzslbench.data.formats.hdf5 import Source, write_hdf5
    from gzslbench.data.load import load_dataset

    source = folder / "source"
    source.mkdir()
    make_folder(source)
    dataset = load_dataset(source)
    regions = np.random.default_rng(0).random((len(dataset.labels), 3, 4)).astype(np.float16)
    first = replace(dataset, name="tiny", regions=regions)
    write_hdf5(
        folder / "res101.h5",
        [first, replace(first, semantics_name="other", provenance={"encoder": "none"})],
        [Source.of(path) for path in sorted(source.iterdir())],
        {"extractor": "none", "model": "", "regions": {"grid": 2}},
    )
    shutil.rmtree(source)


@once
def make_run(folder: Path) -> None:
    """Write runs, a store with two of them, an archive, a submission, and a run without its record."""
    import gzslbench
    from gzslbench.runs import fit
    from gzslbench.runs.bundle import write_bundle
    from gzslbench.runs.store import Store, read_summaries
    from gzslbench.runs.submission import write_submission
    from gzslbench.training.checkpoint import save_checkpoint

    call: dict[str, Any] = {
        "method": "ale",
        "dataset": "digits",
        "epochs": 3,
        "eval_every": 1,
        "select": "val",
        "device": "cpu",
    }
    store = Store(folder / "store")
    saved: list[bytes] = []

    def save(path: Path, owner: str, state: dict[str, Any]) -> None:
        save_checkpoint(path, owner, state)
        saved.extend([path.read_bytes()] if "final" in path.name else [])

    closed_form: dict[str, Any] = {"method": "eszsl", "dataset": "digits", "seeds": 1, "device": "cpu"}
    with patch.object(fit, "save_checkpoint", save):
        for options in (call, closed_form):
            gzslbench.run(**options, results=store.root, checkpoint_every=1, quiet=True)
    read_summaries(store)
    (export := folder / "export").mkdir()
    write_bundle(export / "runs.zip", store.runs())
    write_submission(folder / "submission", store.runs())
    ale, eszsl = sorted(store.runs(), key=lambda run: run.id)
    (folder / "good").write_text(eszsl.id)
    shutil.copytree(ale.path, folder / "runs" / ale.id)
    shutil.copytree(ale.path, folder / "stopped" / ale.id, ignore=shutil.ignore_patterns("record.json"))
    (folder / "submission" / ale.id).rename(folder / "submission" / "one")
    (folder / "call.json").write_text(json.dumps(call))
    run = folder / "runs" / ale.id
    (run / "checkpoint-final.pt").write_bytes(saved[0])  # after the first epoch
    owner = torch.load(run / "checkpoint-final.pt", weights_only=True)["owner"]
    (run / "owner").write_text(owner)


def make_toml(folder: Path) -> None:
    """Write a suite, a preset, a file of published numbers and one of stored metrics."""
    (folder / "suite.toml").write_text(
        """\
title = "Two methods"
about = "text"
tolerance = 5.0

[shared]
dataset = "digits"
device = "cpu"
eval_every = 0

[settings.ale]
lr = 0.01

[[runs]]
name = "ale"
method = "ale"
seeds = [1, 2]
epochs = 6
set = { margin = 1.0 }

[[grids]]
method = ["eszsl", "f-clswgan"]
dataset = "digits"
seeds = [1]
epochs = [2, 3]
exclude = [{ method = "eszsl", epochs = 3 }]

[[claims]]
method = "ale"
text = "ALE is better"
better = "ale"
than = "ale"
metric = "U"
"""
    )
    (folder / "preset.toml").write_text(
        '[default]\nmethod = "eszsl"\nsource = "tuned"\nalpha = 1.0\ngamma = 0.0\n\n[digits]\nalpha = 2.0\n'
        '\n["digits/strokes"]\ngamma = 1.0\n'
    )
    shared = 'shared = { semantics = "att", source = "a paper", verified = "seen", code = "file" }\n'
    (folder / "eszsl.toml").write_text(
        f'title = "ESZSL"\npaper = "ICML 2015"\n{shared}results = [\n'
        '    { dataset = "AWA2", U = 5.9, S = 77.8, H = 11.0, T1 = 58.6 },\n'
        '    { dataset = "CUB", U = 12.6, S = 63.8, H = 21.0, split = "ps-v2", finetuned = true },\n]\n'
    )
    metrics = {"U": 10.0, "S": 20.0, "H": 13.3, "T1": 30.0, "AUSUC": 5.0}
    run = {"id": "ale-digits-s1", "seed": 1, "metrics": metrics, "by_rule": {"last": metrics}, "gpu": None}
    summary = {name: {"mean": value, "std": 1.0, "tolerance": 3.0} for name, value in metrics.items()}
    (folder / "metrics").mkdir()
    (folder / "metrics" / "suite.json").write_text(
        json.dumps({"runs": {"ale": {"summary": summary, "runs": [run]}}})
    )


def make_texts(folder: Path) -> None:
    """Write tables, class lists and texts."""
    random = np.random.default_rng(0)
    rows = [[name, *map(str, random.random(ATTRIBUTES).round(3))] for name in CLASSES]
    _write_csv(folder / "semantics.csv", [["class", *(f"a{i}" for i in range(ATTRIBUTES))], *rows])
    texts = {name: [f"a {name}", "with a tail"] if i % 2 else f"a {name}" for i, name in enumerate(CLASSES)}
    (folder / "texts.json").write_text(json.dumps(texts))
    _write_csv(folder / "texts.csv", [["class", "text"], *([name, f"a, {name}"] for name in CLASSES)])
    attributes = [f"has {word}" for word in ("red", "blue", "tail", "wings", "paws", "stripes")]
    vectors = [[name, *map(str, random.random(4).round(3))] for name in attributes]
    _write_csv(folder / "att+words.csv", [["attribute", 0, 1, 2, 3], *vectors])
    (folder / "attributes.txt").write_text("".join(f"{i} {name}\n" for i, name in enumerate(attributes, 1)))
    (folder / "words.txt").write_text("red 0.1 0.2\nblue 0.3 0.4\ntail 1 2\nother 5 6\n")


def _write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def make_arrays(folder: Path) -> None:
    """Write features, labels and semantics as arrays and tables of every kind."""
    from pyarrow import parquet, table

    feature_file, splits = _draw()
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
    _write_csv(folder / "features.csv", [list(columns), *features.tolist()])
    _write_csv(folder / "labels.csv", [["label"], *([name] for name in names)])


def make_scores(folder: Path) -> None:
    """Write a dataset, and scores of its test rows as files of every kind."""
    make_folder(folder)
    _, splits = _draw()
    rows = np.concatenate(
        [splits[f"{part}_loc"].ravel().astype(int) - 1 for part in ("test_seen", "test_unseen")]
    )
    scores = np.random.default_rng(0).random((len(rows), len(CLASSES)))
    np.save(folder / "scores.npy", scores)
    np.savez(folder / "scores.npz", scores=scores, rows=rows, classes=np.array(CLASSES))
    torch.save({"scores": torch.from_numpy(scores), "rows": rows.tolist()}, folder / "scores.pt")
    _write_csv(
        folder / "scores.csv",
        [["row", *CLASSES], *([row, *found] for row, found in zip(rows, scores, strict=True))],
    )


def make_weights(folder: Path) -> None:
    """Write the weights of a tiny network, as torch, as safetensors, and fine-tuned."""
    from safetensors.torch import save_file

    from gzslbench.prepare.extract.finetuned import write_finetuned

    weights = {"weight": torch.zeros(2, 3), "bias": torch.ones(2)}
    torch.save(weights, folder / "weights.pt")
    save_file(weights, folder / "weights.safetensors")
    about = {
        **{"extractor": "tiny", "base": None, "base_weights": "base", "base_sha256": "0" * 64},
        **{"pretraining": "none", "finetuned": "trainval"},
    }
    write_finetuned(folder / "finetuned.pt", about, weights)


def make_images(folder: Path) -> None:
    """Write an image in several formats."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(256, size=(24, 32, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    for kind in ("jpg", "png", "gif", "tif", "webp", "bmp"):
        image.save(folder / f"image.{kind}")


def mutate_mat(content: bytes, random: Random) -> bytes:
    """Change variables of a MATLAB 5 file: type, shape, values or names."""
    values = {
        name: value for name, value in loadmat(io.BytesIO(content)).items() if not name.startswith("__")
    }
    name = pick(random, sorted(values))
    changed = _mutate_array(values.pop(name), random)
    if changed is not None:
        values[pick(random, [name] * 8 + ["x", "features", "labels", "att"])] = changed
    stream = io.BytesIO()
    savemat(stream, values, do_compression=bool(random.integers(2)))
    return stream.getvalue()


def mutate_hdf5(content: bytes, random: Random) -> bytes:
    """Change a dataset or an attribute of an HDF5 file."""
    stream = io.BytesIO(content)
    with h5py.File(stream, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = pick(random, sorted(names))
        holder = file[pick(random, ["/", name])]
        attributes = sorted(holder.attrs)
        if attributes and random.random() < 0.5:
            attribute = pick(random, attributes)
            del holder.attrs[attribute]
            value = pick(
                random,
                [
                    None,
                    1,
                    "",
                    "x" * 9,
                    "../up",
                    b"\xff",
                    "[1]",
                    "{}",
                    "null",
                    '{"a": 1}',
                    [1.5, 2.0],
                    np.zeros((2, 2)),
                ],
            )
            if value is not None:
                holder.attrs[attribute] = value
            return _closed(file, stream)
        array = file[name]
        found = array[()] if isinstance(array, h5py.Dataset) else np.arange(3.0)
        del file[name]
        if found.dtype == object and h5py.check_dtype(ref=found.dtype):
            found = np.arange(float(found.size))
        changed = _mutate_array(found, random)
        if changed is None or sparse.issparse(changed) or isinstance(changed, dict):
            file.create_group(name)
        elif random.random() < 0.1:
            file.create_dataset(name, (2**40, 2**20), dtype="f8", chunks=(1024, 1024))  # takes no space
        else:
            file[name] = changed if changed.dtype.kind not in "OU" else np.array([b"x"] * changed.size)
        return _closed(file, stream)


def _closed(file: Any, stream: io.BytesIO) -> bytes:
    file.close()
    return stream.getvalue()


def _mutate_array(array: Any, random: Random) -> Any:
    """Return an array, or something else, in place of one; None for nothing."""
    number = array.dtype.kind in "biuf" and array.size
    match int(random.integers(14)):
        case 0:
            return None
        case 1:
            return array.T.copy()
        case 2:
            return array[: int(random.integers(len(array) + 1))] if array.ndim else array
        case 3:
            return np.concatenate([array, array]) if array.ndim else array
        case 4:
            return np.zeros((0, 0))
        case 5 if number:
            return array.astype(pick(random, ["i1", "u1", "f2", "i8", "c16", "f8", "?"]))
        case 6 | 7 if number:
            changed = array.astype("f8")
            changed.flat[int(random.integers(array.size))] = pick(
                random, [np.nan, np.inf, -1, 0, 1e300, 0.5, 2**53]
            )
            return changed
        case 8 if number:
            return sparse.csc_matrix(np.atleast_2d(array)) if array.ndim <= 2 else None
        case 9:
            return np.array(pick(random, ["text", "", "é\u2028", "x" * 1000]))
        case 10:
            return np.array([["a", 1.0], [None or "", [1, 2]]], dtype=object)
        case 11:
            return {"field": np.arange(3.0)}
        case 12 if array.ndim and array.size:
            return array[random.permutation(len(array))]
        case _:
            return np.zeros(pick(random, [(1,), (1, 1), (2, 3, 4), (3,), (1, 1000)]))


def mutate_torch(content: bytes, random: Random) -> bytes:
    """Change the bytes of a file of torch.save, or values in it."""
    if random.random() < 0.4:
        return mutate_bytes(content, random)
    stream = io.BytesIO()
    torch.save(_mutate_state(torch.load(io.BytesIO(content), weights_only=True), random), stream)
    return stream.getvalue()


def mutate_signed(content: bytes, random: Random) -> bytes:
    """Change values in a checkpoint, and sign it again."""
    loaded = torch.load(io.BytesIO(content[:-_DIGEST]), weights_only=True)
    stream = io.BytesIO()
    torch.save(_mutate_state(loaded, random), stream)
    return stream.getvalue() + hashlib.sha256(stream.getvalue()).digest()


def _mutate_state(state: Any, random: Random) -> Any:
    state = _as_lists(state)
    for _ in range(int(random.integers(1, 3))):
        places = find_places(state)
        holder, key = pick(random, places)
        value = holder[key]
        match int(random.integers(6)):
            case 0:
                del holder[key]
            case 1 if isinstance(value, torch.Tensor):
                holder[key] = pick(
                    random,
                    [value.double(), value[..., None], value.flatten()[:1], torch.zeros(3, 7), value.bool()],
                )
            case 2 if isinstance(value, torch.Tensor) and value.is_floating_point():
                holder[key] = torch.full_like(value, pick(random, [float("nan"), float("inf"), 1e30]))
            case 3 if isinstance(value, (int, float)):
                holder[key] = pick(random, [-1, 0, 10**9, 0.5, float("nan"), str(value), [value]])
            case _:
                holder[key] = pick(random, VALUES)
        if not find_places(state):
            break
    return state


def _as_lists(tree: Any) -> Any:
    """Return the tree with lists for tuples, so that it can be changed."""
    if isinstance(tree, dict):
        return {key: _as_lists(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_as_lists(value) for value in tree]
    return tree
