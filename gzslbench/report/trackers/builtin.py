"""The plugin with the trackers of this distribution."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.tracker import TrackerSpec


@hookimpl
def gzslbench_trackers() -> Iterable[TrackerSpec]:
    """Return three trackers, each an extra of this distribution."""
    return [
        TrackerSpec(
            name="tensorboard",
            title="TensorBoard",
            load="gzslbench.report.trackers.tensorboard:TensorBoard",
            requires=("tensorboard",),
            install="gzslbench[tensorboard]",
        ),
        TrackerSpec(
            name="mlflow",
            title="MLflow",
            load="gzslbench.report.trackers.mlflow:MLflow",
            requires=("mlflow", "sqlalchemy", "alembic"),
            install="gzslbench[mlflow]",
        ),
        TrackerSpec(
            name="wandb",
            title="Weights & Biases",
            load="gzslbench.report.trackers.wandb:WeightsAndBiases",
            requires=("wandb",),
            install="gzslbench[wandb]",
        ),
    ]
