from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from gzslbench.computing.compilation import Compilation, compilation_wanted, find_compiler
from gzslbench.computing.instrumentation import collect_backends
from gzslbench.errors import ParamError

WITHOUT_A_COMPILER = """
import logging, torch
from gzslbench.computing.instrumentation import collect_backends
from gzslbench.computing.compilation import Compilation

logging.basicConfig()
compilation = Compilation()
with collect_backends() as account:
    for _ in range(2):
        print(compilation.run("sums", lambda x: (x * x).sum(), lambda x: x.sum(), torch.ones(100) * 2).item())
print(compilation.failure is None, account["sums"].partition(":")[0])
"""


def doubled(x):
    return 2 * x


@pytest.mark.parametrize(("value", "wanted"), [(None, True), ("", True), ("1", True), ("0", False)])
def test_compilation_is_on_unless_the_environment_says_0(monkeypatch, value, wanted):
    monkeypatch.delenv("GZSLBENCH_COMPILE", raising=False)
    if value is not None:
        monkeypatch.setenv("GZSLBENCH_COMPILE", value)
    assert compilation_wanted() is wanted


def test_another_value_of_the_variable_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("GZSLBENCH_COMPILE", "false")
    with pytest.raises(ParamError, match="neither 0 nor 1") as caught:
        Compilation()
    assert caught.value.where == "GZSLBENCH_COMPILE"


def test_if_the_environment_turns_it_off_the_plain_form_runs_and_the_log_says_why(monkeypatch):
    monkeypatch.setenv("GZSLBENCH_COMPILE", "0")
    with collect_backends() as account:
        result = Compilation().run("sums", pytest.fail, doubled, torch.ones(3))
    assert torch.equal(result, torch.full((3,), 2.0))
    assert account == {"sums": "plain: GZSLBENCH_COMPILE=0"}


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("no memory"), ValueError("no")])
def test_an_error_of_the_work_itself_is_raised_and_compilation_stays_on(monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setenv("GZSLBENCH_COMPILE", "1")
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    compilation = Compilation()
    with pytest.raises(type(error)):
        compilation.run("sums", broken, doubled, torch.ones(3))
    assert compilation.failure is None


@pytest.mark.acceptance
def test_without_a_compiler_the_plain_form_runs_and_warns_once(tmp_path):
    environment = {
        **os.environ,
        "CXX": str(tmp_path / "no-compiler"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
        "GZSLBENCH_COMPILE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_COMPILER],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200.0", "200.0", "False", "plain"]
    assert done.stderr.count("the plain form is used") == 1


def test_the_compiler_is_the_one_that_the_environment_names(monkeypatch, tmp_path):
    compiler = tmp_path / "my-compiler"
    monkeypatch.setenv("CXX", str(compiler))
    assert find_compiler() is None
    compiler.touch(mode=0o755)
    assert find_compiler() == str(compiler)
