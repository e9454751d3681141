"""Packages that an extractor cannot do without."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from gzslbench.errors import ExtractionError


def require(module: str, extra: str, fix: str = "") -> ModuleType:
    """The module ``module``, which the extra ``extra`` installs.

    Raises:
        ExtractionError: It is not installed, or breaks while it is imported, as torchvision does beside a
            torch that it was not built for.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ExtractionError(
            f"{extra} needs a package that is not there: {error.name}",
            fix=f"pip install 'gzslbench[{extra}]'",
        ) from error
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise ExtractionError(
            f"{module} is installed and cannot be imported: {str(error).partition(chr(10))[0]}",
            fix=fix or f"install a {module} that fits the other packages",
        ) from error
