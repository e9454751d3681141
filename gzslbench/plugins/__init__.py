"""Everything that a plugin author writes against, in one import that does not import torch.

``from gzslbench.plugins import MethodSpec, Params, param, hookimpl``. The entry-point groups are listed in
``gzslbench.plugins.registry``. A module of this package is imported when one of its names is used.
"""

# ruff: noqa: F401
# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gzslbench.plugins.dataset import Archive, DatasetSpec, Expected
    from gzslbench.plugins.executor import Ended, Event, Executor, ExecutorSpec, Failure, Job, Limits, Started
    from gzslbench.plugins.extractor import Extractor, ExtractorSpec, ImageTransform, Preparation, Weights
    from gzslbench.plugins.head import SOFTMAX, FittedHead, Head, HeadSettings, HeadSpec
    from gzslbench.plugins.hooks import hookimpl
    from gzslbench.plugins.inputs import (
        Batch,
        ClassNoise,
        ClassTransductiveView,
        HeadData,
        TrainView,
        TransductiveView,
    )
    from gzslbench.plugins.method import (
        Adam,
        Episodes,
        GenerativeMethod,
        HeldOut,
        Method,
        MethodSpec,
        Phase,
        ScoringMethod,
        Sgd,
        Stage,
        TorchOptimizer,
    )
    from gzslbench.plugins.params import Params, choices, linear, log, param, steps
    from gzslbench.plugins.spec import Evolving, Setting
    from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, Tracker, TrackerSpec

_NAMES = {
    "dataset": "Archive DatasetSpec Expected",
    "executor": "Ended Event Executor ExecutorSpec Failure Job Limits Started",
    "extractor": "Extractor ExtractorSpec ImageTransform Preparation Weights",
    "head": "SOFTMAX FittedHead Head HeadSettings HeadSpec",
    "hooks": "hookimpl",
    "inputs": "Batch ClassNoise ClassTransductiveView HeadData TrainView TransductiveView",
    "method": "Adam Episodes GenerativeMethod HeldOut Method MethodSpec Phase ScoringMethod Sgd Stage"
    " TorchOptimizer",
    "params": "Params choices linear log param steps",
    "spec": "Evolving Setting",
    "tracker": "TrackedEpoch TrackedRun Tracker TrackerSpec",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
