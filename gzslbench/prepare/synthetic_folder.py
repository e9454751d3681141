"""Write a folder of xlsa17 shape with synthetic features, for timing and trials without the archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.catalogue import catalogue, known_as
from gzslbench.data.formats import hdf5, xlsa17
from gzslbench.data.formats.hdf5_writer import write_hdf5
from gzslbench.data.formats.xlsa17 import MARKER, NAMES, SPLITS
from gzslbench.data.synthetic.dataset import scatter_over_places
from gzslbench.data.synthetic.split_template import (
    SplitTemplate,
    generate_template,
    subsample,
    synthetic_features,
)
from gzslbench.errors import DataError, ParamError, did_you_mean
from gzslbench.files import atomic_folder, check_free_space, writing

FEATURES = "res101"
ATTRIBUTES = "att+words.csv"
_WIDTH, _ROWS = 300, 64
"""Length of an attribute's vector, as of published word vectors; rows whose regions are drawn at once."""
_ELSEWHERE = "name a folder that is empty or does not exist"


def write_synthetic_folder(
    like: str, out: Path, *, seed: int = 0, scale: float = 1.0, regions: int = 0
) -> Path:
    """Write res101.mat, the split files and the class lists of a dataset with the shape of ``like``.

    Everything is random; ``SYNTHETIC.txt`` in the folder says so. ``scale`` is the share of each class's rows
    to keep, above 0 and at most 1. The folder is written atomically.

    For methods on regions, ``regions`` above 0 adds res101.h5 with as many float16 regions of an image, whose
    mean is the feature, and att+words.csv with names and vectors of the attributes.
    """
    spec = known_as(like)
    if spec is None or spec.expected is None:
        what = f"no known dataset {like!r}"
        raise DataError(what, where="--like", fix=did_you_mean(like, list(catalogue())))
    if not 0 < scale <= 1:
        raise ParamError(f"scale is {scale}", where="--scale", fix="choose a share above 0 and at most 1")
    with writing(out, failure=DataError, elsewhere=_ELSEWHERE):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError("this is a file or a folder with files", where=out, fix=_ELSEWHERE)
        out.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        template = subsample(generate_template(spec.expected, rng), scale)
        dim = spec.expected.features[FEATURES]
        # The split files of every known dataset take less than the 16 MiB added here.
        # Features are written twice if there are regions, and regions twice until the folder is whole.
        size = len(template.labels) * dim * (4 + (4 + 4 * regions if regions else 0)) + (16 << 20)
        check_free_space(out.parent, size, DataError, "pass a smaller --scale, or name another folder")
        semantics = np.asarray(template.semantics["att"], dtype=np.float32)
        features = synthetic_features(semantics, template.labels, dim, rng)
        how = f"like {spec.name}, seed {seed}, scale {scale:g}"
        with atomic_folder(out) as scratch:
            # This text becomes a note of the dataset, and notes are in records of runs.
            marker = f"features and image names are random numbers and texts, {how}.\n"
            (scratch / MARKER).write_text(marker, encoding="utf-8")
            _write(scratch, template, features)
            if regions:
                name = out.resolve().name
                name = getattr(known_as(name), "name", name)
                _write_regions(scratch, name, features, regions, seed)
                _write_attributes(scratch / ATTRIBUTES, semantics.shape[1], seed)
    return out


def _write_regions(folder: Path, dataset: str, features: NDArray[np.float32], places: int, seed: int) -> None:
    path = folder / "regions"
    random = np.random.default_rng([seed, 2])
    regions = np.memmap(path, np.float16, "w+", shape=(len(features), places, features.shape[1]))
    for start in range(0, len(features), _ROWS):
        rows = features[start : start + _ROWS]
        regions[start : start + _ROWS] = scatter_over_places(rows, places, random)
    read = xlsa17.read_folder(folder, dataset, FEATURES, xlsa17.semantics_names(folder))
    sources = [hdf5.Source.of(source) for source in xlsa17.source_files(folder, FEATURES)]
    write_hdf5(folder / f"{FEATURES}.h5", [replace(one, regions=regions) for one in read], sources)
    del regions
    path.unlink()


def _write_attributes(path: Path, attributes: int, seed: int) -> None:
    vectors = np.random.default_rng([seed, 3]).standard_normal((attributes, _WIDTH), dtype=np.float32)
    lines = [["attribute", *map(str, range(_WIDTH))]]
    lines += [[f"attribute {i}", *map(repr, row)] for i, row in enumerate(vectors.tolist(), start=1)]
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")


def _write(folder: Path, template: SplitTemplate, features: NDArray[np.float32]) -> None:
    from scipy.io import savemat

    names = [
        f"synthetic/{template.names[label]}/{row + 1:06d}.jpg"
        for row, label in enumerate(template.labels.tolist())
    ]
    image_files = np.array(names, dtype=object)[:, None]
    labels = (template.labels + 1)[:, None].astype(np.uint16)
    savemat(
        folder / f"{FEATURES}.mat", {"features": features.T, "labels": labels, "image_files": image_files}
    )
    locations = {f"{part}_loc": rows[:, None] + 1 for part, rows in template.parts.items()}
    for name, values in template.semantics.items():
        variables = {"att": values.T, NAMES: template.names[:, None], **locations}
        savemat(folder / f"{name}{SPLITS}", variables)
    for file, listed in template.lists.items():
        (folder / file).write_text("".join(f"{name}\n" for name in listed), encoding="utf-8")
