"""The trackers of this distribution; each is an extra."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.tracker import TrackerSpec

_TITLES_AND_CLASSES = {
    "tensorboard": ("TensorBoard", "TensorBoard", ("tensorboard",)),
    "mlflow": ("MLflow", "MLflow", ("mlflow", "sqlalchemy", "alembic")),
    "wandb": ("Weights & Biases", "WeightsAndBiases", ("wandb",)),
}


@hookimpl
def gzslbench_trackers() -> Iterable[TrackerSpec]:
    """Return the spec of each tracker."""
    for name, (title, cls, modules) in _TITLES_AND_CLASSES.items():
        load = f"gzslbench.report.trackers.{name}:{cls}"
        yield TrackerSpec(name, title, load, modules, f"gzslbench[{name}]")
