"""Write a folder of xlsa17 shape with synthetic features, for timing and trials without the archive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.catalogue import catalogue, known_as
from gzslbench.data.formats.xlsa17 import MARKER, NAMES, SPLITS
from gzslbench.data.synthetic.split_template import (
    SplitTemplate,
    generate_template,
    subsample,
    synthetic_features,
)
from gzslbench.errors import DataError, ParamError, did_you_mean
from gzslbench.files import atomic_folder, check_free_space, writing

FEATURES = "res101"
_ELSEWHERE = "name a folder that is empty or does not exist"


def write_synthetic_folder(like: str, out: Path, *, seed: int = 0, scale: float = 1.0) -> Path:
    """Write res101.mat, the split files and the class lists of a dataset with the shape of ``like``.

    Everything is random; ``SYNTHETIC.txt`` in the folder says so. ``scale`` is the share of each class's rows
    to keep, above 0 and at most 1. The folder is written atomically.
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
        size = len(template.labels) * dim * 4 + (16 << 20)
        check_free_space(out.parent, size, DataError, "pass a smaller --scale, or name another folder")
        semantics = np.asarray(template.semantics["att"], dtype=np.float32)
        features = synthetic_features(semantics, template.labels, dim, rng)
        how = f"like {spec.name}, seed {seed}, scale {scale:g}"
        with atomic_folder(out) as scratch:
            # This text becomes a note of the dataset, and notes are in records of runs.
            marker = f"features and image names are random numbers and texts, {how}.\n"
            (scratch / MARKER).write_text(marker, encoding="utf-8")
            _write(scratch, template, features)
    return out


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
