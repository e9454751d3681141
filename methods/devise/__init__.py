"""DeViSE: a deep visual-semantic embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.plugins import MethodSpec, hookimpl, param
from gzslbench_methods.params import BilinearParams


@dataclass(frozen=True)
class DeviseParams(BilinearParams):
    """Those of bilinear compatibilities, and which hinges count."""

    terms: str = param(
        "all",
        "which hinges of a row are summed: all, or only that of the first violating class in class order",
        choices=("all", "first"),
    )


SPEC = MethodSpec(
    name="devise",
    title="DeViSE",
    paper="Frome, Corrado, Shlens, Bengio, Dean, Ranzato, Mikolov: DeViSE: A Deep Visual-Semantic Embedding"
    " Model, NIPS 2013",
    url="https://papers.nips.cc/paper/2013/hash/7cce53cf90577442771720a370c3c723-Abstract.html",
    params=DeviseParams,
    load="gzslbench_methods.devise.method:Devise",
    plain="gzslbench_methods.devise.plain:PlainDevise",
    kind="scoring",
    preprocessing="none",
)


@hookimpl
def gzslbench_methods() -> Iterable[MethodSpec]:
    """DeViSE."""
    return [SPEC]
