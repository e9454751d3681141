from __future__ import annotations

import pytest

from gzslbench.errors import ExtractionError
from gzslbench.prepare.extract.packages import require


def test_a_module_that_is_there_is_had():
    import json.decoder

    assert require("json.decoder", "none") is json.decoder


def test_a_package_that_is_not_there_is_named_with_the_extra():
    with pytest.raises(ExtractionError, match="not there: nowhere") as caught:
        require("nowhere.at.all", "some")
    assert caught.value.fix == "pip install 'gzslbench[some]'"


@pytest.mark.parametrize("kind", ["ImportError", "RuntimeError", "OSError", "AttributeError"])
def test_a_package_that_breaks_on_its_import_is_told_with_what_it_says(tmp_path, monkeypatch, kind):
    (tmp_path / f"broken_{kind.lower()}.py").write_text(f"raise {kind}('no such operator')")
    monkeypatch.syspath_prepend(tmp_path)
    for fix in ("", "get another"):
        with pytest.raises(ExtractionError, match="cannot be imported: no such operator") as caught:
            require(f"broken_{kind.lower()}", "some", fix)
        assert caught.value.fix == (fix or f"install a broken_{kind.lower()} that fits the other packages")
