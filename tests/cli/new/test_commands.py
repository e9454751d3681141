from __future__ import annotations

from pathlib import Path

import pytest


def test_a_plugin_is_written_and_the_next_commands_are_printed(invoke, tmp_path) -> None:
    done = invoke("new", "plugin", "dark-horse", "--kind", "scoring")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "gzslbench-dark-horse" / "pyproject.toml").is_file()
    for line in ("cd gzslbench-dark-horse", "gzslbench check dark-horse", "a LICENSE"):
        assert line in done.output


def test_a_method_outside_a_checkout_is_refused(invoke, tmp_path) -> None:
    done = invoke("new", "method", "dark-horse")
    assert done.exit_code == 2 and "not in a checkout" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_method_in_a_checkout_is_written(invoke, tmp_path) -> None:
    root = Path(__file__).parents[3]
    (tmp_path / "methods").mkdir()
    (tmp_path / "setup.cfg").write_text((root / "setup.cfg").read_text())
    done = invoke("new", "method", "dark-horse", "--kind", "closed-form")
    assert done.exit_code == 0, done.output
    assert "gzslbench check dark-horse" in done.output and "pytest" in done.output
    again = invoke("new", "method", "dark-horse")
    assert again.exit_code == 2 and "already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("plugin", "My_Method"), "my-method"),
        (("plugin", "x", "--kind", "scorin"), "scoring"),
        (("plug",), "plugin"),
    ],
)
def test_a_wrong_name_is_answered_with_a_right_one(invoke, arguments, reported) -> None:
    done = invoke("new", *arguments)
    assert done.exit_code == 2 and reported in done.stderr


def test_help_names_the_tutorial(invoke) -> None:
    assert "docs/adding-a-method.md" in invoke("new", "--help").output
