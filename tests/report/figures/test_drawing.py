from __future__ import annotations

import pytest

from gzslbench.report.figures.drawing import file_stem


@pytest.mark.parametrize(
    ("parts", "stem"),
    [
        (("scores",), "scores"),
        (("sensitivity", "syn_num", "ce-gzsl, in bf16", "AWA2"), "sensitivity-syn_num-ce-gzsl_in_bf16-AWA2"),
        (("../../etc", "/passwd", ".."), "etc-passwd-_"),
        (("a\x00b\n", 3), "a_b-3"),
    ],
)
def test_a_file_stem_is_one_plain_name(parts, stem):
    assert file_stem(*parts) == stem
