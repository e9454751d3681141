"""Everything that a plugin author writes against, in one import that does not import torch.

``from gzslbench.plugins import MethodSpec, Params, param, hookimpl``. The entry-point groups are listed in
``gzslbench.plugins.registry``.
"""

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
    GenerativeMethod,
    Method,
    MethodSpec,
    Phase,
    ScoringMethod,
    Sgd,
    Stage,
)
from gzslbench.plugins.params import Params, param
from gzslbench.plugins.search_space import choices, linear, log, steps
from gzslbench.plugins.spec import Setting
from gzslbench.plugins.tracker import TrackedEpoch, TrackedRun, Tracker, TrackerSpec

__all__ = [
    "SOFTMAX",
    "Adam",
    "Archive",
    "Batch",
    "ClassNoise",
    "ClassTransductiveView",
    "DatasetSpec",
    "Ended",
    "Event",
    "Executor",
    "ExecutorSpec",
    "Expected",
    "Extractor",
    "ExtractorSpec",
    "Failure",
    "FittedHead",
    "GenerativeMethod",
    "Head",
    "HeadData",
    "HeadSettings",
    "HeadSpec",
    "ImageTransform",
    "Job",
    "Limits",
    "Method",
    "MethodSpec",
    "Params",
    "Phase",
    "Preparation",
    "ScoringMethod",
    "Setting",
    "Sgd",
    "Stage",
    "Started",
    "TrackedEpoch",
    "TrackedRun",
    "Tracker",
    "TrackerSpec",
    "TrainView",
    "TransductiveView",
    "Weights",
    "choices",
    "hookimpl",
    "linear",
    "log",
    "param",
    "steps",
]
