"""Whether the extra that searches is installed."""

from __future__ import annotations

from importlib.util import find_spec

from gzslbench.errors import GzslBenchError


def require_optuna() -> None:
    """Make sure that parameters can be tuned; nothing is imported.

    Raises:
        GzslBenchError: optuna is not installed.
    """
    if find_spec("optuna") is None:
        raise GzslBenchError(
            "parameters are tuned by optuna, which is not installed", fix="pip install 'gzslbench[tune]'"
        )
