"""The short form of the attack with damaged files: every reader, some dozens of mutants each."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gzslbench_benchmarks.torture.apart import run_apart
from gzslbench_benchmarks.torture.attacks import mutants
from gzslbench_benchmarks.torture.mutations import mutate_bytes
from gzslbench_benchmarks.torture.readers import READERS
from gzslbench_benchmarks.torture.readers.reader import Reader, freeze

pytest.importorskip("pyarrow")
pytest.importorskip("safetensors")
pytest.importorskip("PIL")


@pytest.mark.acceptance
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_damaged_file_is_an_error_that_says_so_or_is_read(reader: Reader, tmp_path: Path) -> None:
    count = 4 if reader.slow else 80
    batch = mutants.Batch(reader, 1, range(count), tmp_path / reader.name)
    assert [outcome for outcome in batch.outcomes if outcome is not None] == []


@pytest.mark.acceptance
def test_a_reader_without_checks_is_found_out(tmp_path):
    """The attack finds crashes, memory, tracebacks and silent changes, each at its mutant."""

    def read(file: Path) -> bytes:
        content = file.read_bytes()
        if content == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if content == b"memory":
            bytearray(2**33)
        if content == b"traceback":
            raise KeyError("name")
        return content

    contents = [b"whole", b"crash", b"memory", b"whole", b"traceback", b"changed"]
    reader = Reader("weak", lambda folder: None, "file", lambda _, random: contents[random], read, True)
    (tmp_path / "file").write_bytes(b"whole")
    attacks = [partial(reader.attack, tmp_path, b"", freeze(b"whole"), number) for number in range(6)]
    outcomes = run_apart(attacks)
    assert outcomes[0] is outcomes[3] is None
    assert outcomes[1] == "killed by SIGSEGV"
    assert str(outcomes[2]).startswith("MemoryError")
    assert str(outcomes[4]).startswith("KeyError")
    assert outcomes[5] == "damage was not noticed"


def test_a_mutant_depends_on_seed_and_number_alone() -> None:
    content = bytes(range(256)) * 4
    first, second, other = (mutate_bytes(content, np.random.default_rng([seed, 7])) for seed in (3, 3, 4))
    assert first == second != other
