"""The benchmark toolkit for generalized zero-shot learning."""

from gzslbench import _version

__version__ = _version.VERSION

__all__ = ["__version__"]
