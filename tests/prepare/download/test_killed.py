"""A fetch that is killed at any moment leaves no incomplete file under a final name, and resumes later."""

from __future__ import annotations

import random
import signal
import subprocess
import sys

import pytest

from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.fetch import ARCHIVES, fetch

pytestmark = pytest.mark.acceptance

KILLED = """
import os, signal, sys
from gzslbench.plugins.dataset import DatasetSpec
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.fetch import fetch
from gzslbench.prepare.download.download import Progress

url, root, steps, number = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

class Killer(Progress):
    left = steps

    def advance(self, count):
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), number)

fetch([DatasetSpec("PETS", "Pets", archives=(Archive(url, {"in/": ""}),))], root, progress=Killer())
"""
MEMBERS = 60


@pytest.fixture
def members(make_noise):
    return {f"in/{number}.bin": make_noise(30_000, number) for number in range(MEMBERS)}


def killed(url, root, steps, number=signal.SIGKILL):
    """Return the exit status of a fetch that gets a signal after some steps."""
    arguments = [url, str(root), str(steps), str(int(number))]
    return subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True).returncode


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_fetch_that_was_killed_twice_ends_with_the_same_bytes(
    server, pets, tmp_path, members, kind, make_zip, make_tgz
):
    content = make_zip(members) if kind == "zip" else make_tgz(members)
    url = server.serve(f"/lab.{kind}", content)
    draw = random.Random(kind)
    for _ in range(2):
        assert killed(url, tmp_path, draw.randrange(1, 9)) == -signal.SIGKILL
        whole = tmp_path / ARCHIVES / f"lab.{kind}"
        assert not whole.exists() or whole.read_bytes() == content
        for file in (tmp_path / "PETS").glob("*.bin"):
            assert file.read_bytes() == members[f"in/{file.name}"]
    assert any(server.ranges()) or whole.exists()
    spec = type(pets)("PETS", "Pets", archives=(Archive(url, {"in/": ""}),))
    (done,) = fetch([spec], tmp_path)
    assert done.written + done.kept == MEMBERS
    assert (tmp_path / ARCHIVES / f"lab.{kind}").read_bytes() == content
    found = {f"in/{file.name}": file.read_bytes() for file in (tmp_path / "PETS").iterdir()}
    assert {name: value for name, value in found.items() if name.endswith(".bin")} == members
