"""The benchmark toolkit for generalized zero-shot learning."""

from gzslbench._version import VERSION as __version__

__all__ = ["__version__"]
