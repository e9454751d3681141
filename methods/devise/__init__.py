"""DeViSE: a deep visual-semantic embedding."""

from __future__ import annotations

from collections.abc import Iterable

from gzslbench.plugins.hooks import hookimpl
from gzslbench.plugins.method import MethodSpec
from gzslbench_methods.devise.params import DeviseParams

SPEC = MethodSpec(
    name="devise",
    title="DeViSE",
    paper="Frome, Corrado, Shlens, Bengio, Dean, Ranzato, Mikolov: DeViSE: A Deep Visual-Semantic Embedding"
    " Model, NIPS 2013",
    url="https://papers.nips.cc/paper/2013/hash/7cce53cf90577442771720a370c3c723-Abstract.html",
    params=DeviseParams,
    load="gzslbench_methods.devise.method:Devise",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DeViSE."""
    return [SPEC]
