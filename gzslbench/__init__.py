"""The benchmark toolkit for generalized zero-shot learning: its Python API.

``import gzslbench as gz``, then for example ``gz.run("ce-gzsl", "CUB", seeds=[1, 2, 3])``. A name is imported
when it is used, so importing gzslbench takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gzslbench import _version

if TYPE_CHECKING:
    from gzslbench.api.build import build, extract, finetune
    from gzslbench.api.data import load
    from gzslbench.api.leaderboard import Leaderboard, leaderboard
    from gzslbench.api.methods import check, methods, register
    from gzslbench.api.results import Results, evaluate, results
    from gzslbench.api.run import RunResult, run
    from gzslbench.api.sweep import SweepOutcome, TuneOutcome, sweep, tune
    from gzslbench.data.dataset import Dataset, Split
    from gzslbench.errors import GzslBenchError
    from gzslbench.evaluation.external import metrics

__version__ = _version.VERSION

__all__ = [
    "Dataset",
    "GzslBenchError",
    "Leaderboard",
    "Results",
    "RunResult",
    "Split",
    "SweepOutcome",
    "TuneOutcome",
    "__version__",
    "build",
    "check",
    "evaluate",
    "extract",
    "finetune",
    "leaderboard",
    "load",
    "methods",
    "metrics",
    "register",
    "results",
    "run",
    "sweep",
    "tune",
]

_NAMES = {
    "api.build": "build extract finetune",
    "api.data": "load",
    "api.leaderboard": "Leaderboard leaderboard",
    "api.methods": "check methods register",
    "api.results": "Results evaluate results",
    "api.run": "RunResult run",
    "api.sweep": "SweepOutcome TuneOutcome sweep tune",
    "data.dataset": "Dataset Split",
    "errors": "GzslBenchError",
    "evaluation.external": "metrics",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
