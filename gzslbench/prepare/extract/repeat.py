"""Compute features of further images in the way in which those of a dataset were computed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.errors import ExtractionError, shorten
from gzslbench.files import is_there
from gzslbench.plugins.extractor import Preparation
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.building.folders import SUFFIXES
from gzslbench.prepare.extract.compute import Extraction, Regions, check_shape, compute_batches
from gzslbench.prepare.extract.extract import load_extractor, make_request
from gzslbench.prepare.extract.listings import ImageList

_DECIDING = ("version", "model", "layer", "pooling", "weights_sha256", "preparation")


def repeat_extraction(
    provenance: Mapping[str, Any],
    weights: str | None = None,
    device: str | torch.device = "cpu",
    *,
    regions: bool = False,
) -> Extraction:
    """Load the extractor of stored features, and check that it computes what it computed then.

    Args:
        provenance: ``Dataset.extraction``.
        weights: A file, if the weights are not where the extractor finds them by itself.
        device: Where to compute.
        regions: Whether to compute the regions that were stored as well.

    Raises:
        ExtractionError: The provenance is empty, or what is installed differs from it.
    """
    if not provenance:
        what = "the dataset does not say how its features were computed"
        fix = "compute the features of your images as their authors did, and pass them with --features"
        raise ExtractionError(what, fix=fix)
    stored = {name: provenance.get(name) for name in _DECIDING}
    preparation = stored["preparation"]
    crops = preparation.get("crops") if isinstance(preparation, Mapping) else None
    spec = plugins().extractor(str(provenance.get("extractor")))
    options = (str(provenance.get(name) or "") for name in ("layer", "pooling"))
    request = make_request(spec, str(provenance.get("model") or ""), weights, *options)
    of_places = provenance.get("regions")
    if regions and not (isinstance(of_places, Mapping) and {*of_places} <= {"grid", "dtype"}):
        what = f"the dataset says of its regions: {of_places!r:.80}"
        raise ExtractionError(what, where="extraction", fix="extract them again")
    extractor = load_extractor(spec, request)
    if crops and isinstance(extractor.preparation, Preparation):
        extractor = replace(extractor, preparation=replace(extractor.preparation, crops=crops))
    extraction = Extraction(
        spec,
        extractor,
        request,
        device=torch.device(device),
        precision=str(provenance.get("precision", "fp32")),
        regions=Regions(**of_places) if regions and of_places else None,
    )
    found = json.loads(json.dumps(extraction.provenance()))  # tuples become lists, as in the file
    different = [name for name, value in stored.items() if found[name] != value]
    if different:
        what = f"{spec.name} differs from what computed the features of the dataset: {', '.join(different)}"
        fix = "name the same weights with --weights, or extract the features of the dataset again"
        raise ExtractionError(what, where=f"weights {provenance.get('weights')}", fix=fix)
    return extraction


def list_images(paths: Sequence[Path]) -> list[Path]:
    """Return the files among ``paths``, and the images in the folders among them, at any depth, sorted.

    Raises:
        ExtractionError: A path does not exist, or a folder has no image.
    """
    files: list[Path] = []
    for path in paths:
        if not is_there(path, ExtractionError):
            raise ExtractionError("there is no such file", where=path, fix="check the path")
        if not path.is_dir():
            files.append(path)
            continue
        found = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
        if not found:
            raise ExtractionError("the folder has no image", where=path, fix="name files, or another folder")
        files += found
    return files


def extract_files(extraction: Extraction, files: Sequence[Path]) -> NDArray[np.float32]:
    """Return the features ``(n, d)`` of these images, or ``(n, R, d)`` if the extraction has regions.

    Raises:
        ExtractionError: An image is missing or cannot be read; the message names all such images.
    """
    listed = ImageList(tuple(str(file) for file in files), np.zeros(len(files), dtype=np.int64))
    shape, _ = extraction.arrays[-1]  # the regions, if they are computed
    features = np.empty((len(files), *shape), dtype=np.float32)
    failures: dict[int, str] = {}
    batches = range(-(-len(files) // extraction.batch_size))
    with extraction.computing():
        for batch in compute_batches(extraction, listed, Path(), batches):
            if batch.rows:
                check_shape(batch.arrays[-1], shape, batch.number)
                features[batch.rows] = batch.arrays[-1]
            failures |= batch.failures
    if failures:
        lines = "".join(f"\n    {line}" for line in shorten(list(failures.values())))
        what = f"{len(failures)} of {len(files)} images cannot be read{lines}"
        raise ExtractionError(what, fix="leave them out, or replace them")
    return features
