"""Fine-tune an extractor on a dataset: the one function behind the command and ``gzslbench.finetune``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gzslbench import __version__
from gzslbench.data.dataset import FOR_VALIDATION, TRAINVAL, Rows, hold_out
from gzslbench.data.formats import xlsa17
from gzslbench.data.load import Place
from gzslbench.data.validation import validation_dataset
from gzslbench.errors import CheckpointError, DataError, ExtractionError, did_you_mean
from gzslbench.plugins.registry import plugins
from gzslbench.prepare.extract import extract
from gzslbench.prepare.extract.listings import ImageList, read_all_splits

HELD_OUT = 0.1
"""The share of each class's rows that choose the epoch."""
RECIPE = ("epochs", "lr", "layers", "augment", "batch_norm", "batch_size", "seed", "precision")
"""The fields of a request that are the recipe in the provenance."""


@dataclass(frozen=True)
class FinetuneRequest:
    """What to fine-tune: the options of `gzslbench finetune`, whose help describes them.

    0 ``layers`` train all of the network.
    """

    dataset: str
    images: Path
    extractor: str
    weights: str | None = None
    semantics: str | None = None
    for_validation: bool = False
    epochs: int = 10
    lr: float = 1e-4
    layers: int = 0
    augment: Literal["crop", "flip", "none"] = "crop"
    batch_norm: Literal["frozen", "train"] = "frozen"
    batch_size: int = 32
    seed: int = 0
    precision: str = "fp32"
    workers: int = 0
    device: str = "auto"
    data: Path | None = None
    out: Path | None = None
    again: bool = False


def finetune_extractor(
    request: FinetuneRequest,
    note: Callable[[str], None],
    watch: Callable[[int], AbstractContextManager[Callable[[int], None]]],
) -> tuple[Path, dict[str, Any]]:
    """Fine-tune, and write the weights of the best epoch; return the file and the provenance in it.

    Only images of trainval are opened. A stopped fine-tuning continues. ``note`` receives lines about the
    progress, ``watch`` the number of images that will be read.
    """
    from gzslbench.prepare.extract.loading import import_package

    import_package("PIL", "images")
    from gzslbench.computing.device import check_precision, resolve_device
    from gzslbench.prepare.extract.compute import lock_partial
    from gzslbench.prepare.extract.finetuned import write_finetuned
    from gzslbench.prepare.finetune.images import TrainingImages
    from gzslbench.prepare.finetune.training import FineTuning

    device = resolve_device(request.device)
    check_precision(request.precision, device)
    name, _, model = request.extractor.partition(":")
    spec = plugins().extractor(name)
    place = extract.find_folder(request.dataset, request.data)
    image_list = extract.read_list(place, request.images)
    chosen, validation_split = select_rows(place, image_list, request)
    train, held_out = hold_out(image_list.labels, chosen, HELD_OUT)
    classes = np.unique(image_list.labels[train])
    if not len(held_out) or len(classes) < 2:
        fix = "it takes two seen classes, and two images of one of them"
        raise DataError(f"{len(chosen)} images are too few to fine-tune", where=place.path, fix=fix)
    extract.check_images([image_list.files[row] for row in chosen], request.images)
    network = extract.make_request(spec, model, request.weights)
    extractor = extract.load_extractor(spec, network)
    if extractor.weights.finetuned:
        fix = "name the weights from which that fine-tuning began"
        raise ExtractionError("the weights are fine-tuned already", where=f"{request.weights}", fix=fix)
    finetuned = FOR_VALIDATION if request.for_validation else TRAINVAL
    stem = extract.features_name(spec, network, None, image_list.boxes is not None, finetuned)
    target = request.out or place.path / f"{stem}.pt"
    prepare, augment = extractor.preparation, request.augment
    images = TrainingImages(prepare, image_list, request.images, augment, request.seed)
    tuning = FineTuning(extractor.network, request, images, (train, held_out), device)
    is_file = request.weights is not None and Path(request.weights).is_file()
    provenance: dict[str, Any] = {
        "gzslbench": __version__,
        "extractor": spec.name,
        "model": model,
        "base": str(Path(str(request.weights)).resolve()) if is_file else request.weights,
        "base_weights": extractor.weights.name,
        "base_sha256": extractor.weights.sha256,
        "pretraining": extractor.weights.pretraining,
        "dataset": place.name,
        "split": extract.fingerprint_rows(place, image_list),
        "validation_split": validation_split,
        "finetuned": finetuned,
        "rows": {"train": _describe(train), "held_out": _describe(held_out)},
        "classes": [read_all_splits(place.path)[0].class_names[label] for label in classes],
        "recipe": {name: getattr(request, name) for name in RECIPE},
        "trained": [name or "all" for name in tuning.trained],
        "device": device.type,
        "packages": {name: version(name) for name in ("torch", "pillow", *extractor.packages)},
    }
    owner = hashlib.sha256(json.dumps(provenance).encode()).hexdigest()
    if target.exists() and not request.again:
        return target, _finished(target, provenance, note)
    note(
        f"{len(train)} images of {len(classes)} seen classes train {tuning.trained_weights} weights;"
        f" {len(held_out)} images choose the epoch"
    )
    with lock_partial(target) as checkpoint:
        if request.again:
            checkpoint.unlink(missing_ok=True)
        try:
            with watch((1 + request.epochs) * len(chosen)) as step:
                tuning.run(checkpoint, owner, step, note)
        except KeyboardInterrupt:
            note("the complete epochs are kept: the same command continues")
            raise
        except CheckpointError as error:
            what = f"the fine-tuning that stopped here cannot continue: {error.what}"
            fix = "repeat the command that was stopped, or start over with --again"
            raise ExtractionError(what, where=checkpoint, fix=fix) from error
        before, best = tuning.history[0]["accuracy"], tuning.history[tuning.best_epoch]["accuracy"]
        if best < before:
            note(f"no epoch is better than the classifier alone, {before:.1f} %: lower --lr, or train longer")
        provenance["chosen_epoch"] = tuning.best_epoch
        provenance["chosen_by"] = "the highest accuracy on held-out rows of trainval, mean over the classes"
        provenance["history"] = tuning.history
        write_finetuned(target, provenance, tuning.best)
        checkpoint.unlink(missing_ok=True)
    return target, provenance


def _finished(target: Path, provenance: Mapping[str, object], note: Callable[[str], None]) -> dict[str, Any]:
    """Return the provenance of ``target`` if the same fine-tuning wrote it; remove what it left behind."""
    from gzslbench.prepare.extract.compute import lock_partial
    from gzslbench.prepare.extract.finetuned import read_finetuned

    found = read_finetuned(target)
    wanted = json.loads(json.dumps(provenance))
    if found is None or {name: found[0].get(name) for name in wanted} != wanted:
        fix = "name another file with --out, or replace it with --again"
        raise ExtractionError("the file exists, from another fine-tuning", where=target, fix=fix)
    with lock_partial(target) as checkpoint:
        checkpoint.unlink(missing_ok=True)  # a kill came between the file and this step
    note("the file has these weights already; --again trains them again")
    return found[0]


def select_rows(place: Place, image_list: ImageList, request: FinetuneRequest) -> tuple[Rows, str | None]:
    """Return the rows that are trainval in every split of the dataset.

    For validation, only those that train there, and the fingerprint of the validation split.
    """
    names = xlsa17.semantics_names(place.path)
    semantics = request.semantics or ("att" if "att" in names else names[0])
    if semantics not in names:
        fix = did_you_mean(semantics, names)
        raise DataError(f"no semantics {semantics!r}", where=place.path, fix=fix)
    rows: Rows = reduce(np.intersect1d, [file.split.trainval for file in read_all_splits(place.path)])
    if not request.for_validation:
        return rows, None
    blank = np.zeros((len(image_list.labels), 1), np.float32)
    read = xlsa17.FeatureFile(place.path / "none", blank, image_list.labels, image_list.files)
    split = validation_dataset(xlsa17.assemble(place.path, place.name, read, semantics, (), {})).split
    return np.intersect1d(rows, split.trainval), split.fingerprint


def _describe(rows: Rows) -> dict[str, object]:
    return {"count": len(rows), "sha256": hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()}
