from __future__ import annotations

from pkgutil import resolve_name

import pytest

from gzslbench.errors import EncoderError
from gzslbench.prepare.text.encoder import KINDS, split_name


def test_a_kind_and_a_model_are_told_apart_at_the_first_colon():
    assert split_name("hf:org/model:x") == ("hf", "org/model:x")
    assert split_name("sentence-transformers:./here") == ("sentence-transformers", "./here")


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("sentence-transformer:x", "did you mean 'sentence-transformers'"),
        ("all-MiniLM-L6-v2", "no kind of encoder"),
        ("hf", "no model is named"),
        ("hf: ", "no model is named"),
        ("", "no kind"),
    ],
)
def test_an_encoder_that_is_none_is_refused(asked, complaint):
    with pytest.raises(EncoderError, match=complaint):
        split_name(asked)


def test_every_kind_names_a_function_and_importing_it_imports_no_model_library():
    assert all(callable(resolve_name(path)) for path in KINDS.values())
