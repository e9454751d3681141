"""Checks that every plugin should pass, for its author's tests and for `gzslbench check`.

With pytest, the complete test file of a plugin is::

    import pytest
    from gzslbench.testing import checks_of

    @pytest.mark.parametrize("check", checks_of("my-method"), ids=str)
    def test_conformance(check):
        check()
"""

from __future__ import annotations

from gzslbench.testing.check import Check, CheckFailure, NotApplicable
from gzslbench.testing.suites import KINDS, checks_of, extractor_checks

__all__ = ["KINDS", "Check", "CheckFailure", "NotApplicable", "checks_of", "extractor_checks"]
