"""What views say of the data of a run: are they the published ones, what did their network learn from."""

from __future__ import annotations

from gzslbench.data.catalogue import catalogue
from gzslbench.data.dataset import FINETUNED, FOR_VALIDATION, TRAINVAL, UNKNOWN
from gzslbench.data.variants import MADE_IN_MEMORY, SYNTHETIC
from gzslbench.runs.cell import TaskInfo

_SYNTHETIC_BEFORE = ("Features and image names in this folder are made", "made, seed ")
"""How the note began in records and HDF5 files of 0.1."""


def mark_of(task: TaskInfo) -> str:
    """Return how a task's data differ from the published ones of that name; empty if they are not known to.

    A dataset without published files can only be synthetic. Features and semantics with names of their own
    are no difference, because every view shows the name.
    """
    if any(note.startswith((SYNTHETIC, *_SYNTHETIC_BEFORE)) for note in task.notes or ()):
        return "synthetic data"
    in_memory = any(note.startswith(MADE_IN_MEMORY) for note in task.notes or ())
    marks = [MADE_IN_MEMORY] * in_memory
    expected = getattr(catalogue().get(task.dataset), "expected", None)
    if expected is None:
        return "".join(marks)
    if task.split_fingerprint not in (None, *expected.fingerprints.values()):
        marks.append("another split")
    dimension = expected.features.get(task.features)
    if dimension is not None and (
        task.feature_dimension not in (None, dimension) or task.extractor not in (None, task.features)
    ):
        marks.append("other features")
    content = expected.semantics_content.get(task.semantics)
    if content is not None and task.semantics_content not in (None, content):
        marks.append("other semantics")
    return ", ".join(marks)


def dataset_label(task: TaskInfo) -> str:
    """Return the dataset's name as views show it: with the mark, if there is one."""
    mark = mark_of(task)
    return f"{task.dataset} ({mark})" if mark else task.dataset


def training_note(task: TaskInfo) -> str:
    """Return why the network behind the features may have seen unseen classes; empty if it has not.

    The proposed splits keep classes of ImageNet-1k out of the unseen ones (Xian et al., TPAMI 2018); a split
    of one's own need not.
    """
    trained, _, rows = (task.pretraining or UNKNOWN).partition(FINETUNED)
    network, may = "the network behind the features", "it may have seen unseen classes"
    if trained == UNKNOWN:
        return f"what {network} was trained on is not known: {may}"
    if rows not in ("", TRAINVAL, FOR_VALIDATION):
        return f"{network} was fine-tuned on {rows}: {may}"
    if trained not in ("none", "imagenet-1k", "self-supervised: imagenet-1k"):
        return f"{network} was trained on {trained}: {may}"
    if trained != "none" and (task.dataset not in catalogue() or "another split" in mark_of(task)):
        return f"{network} was trained on {trained}, which may contain unseen classes of {task.dataset}"
    return ""


def why_not_verified(task: TaskInfo) -> str | None:
    """Return why the data of a task without a mark are not known to be the published ones; None if they are.

    They are if the split has a known fingerprint, which covers the number of rows, and the features have the
    name and the dimension of published ones.
    """
    expected = getattr(catalogue().get(task.dataset), "expected", None)
    if expected is None:
        return "the published data are not known"
    if task.features not in expected.features:
        return f"the published features {task.features} are not known, so ours cannot be checked"
    if None in (task.split_fingerprint, task.feature_dimension):
        return "the record does not describe its data: it is of an older version, so run it again"
    return None
