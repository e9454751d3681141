from __future__ import annotations

import subprocess
import sys

from gzslbench.sweep.tuning.crew import Crew

HOLD = """
import sys, time
from pathlib import Path
from gzslbench.sweep.tuning.crew import Crew
with Crew(Path(sys.argv[1])).joined() as name:
    print(name, flush=True)
    time.sleep(60)
"""


def test_who_has_joined_is_alive_until_they_leave(tmp_path) -> None:
    crew = Crew(tmp_path / "workers")
    with crew.joined() as one, crew.joined() as other:
        assert one != other
        assert crew.is_alive(one) and Crew(tmp_path / "workers").is_alive(other)
    assert not crew.is_alive(one) and not crew.is_alive(None) and not crew.is_alive("nobody")
    assert list(crew.folder.iterdir()) == []


def test_who_is_killed_is_dead_at_once(tmp_path) -> None:
    crew = Crew(tmp_path / "workers")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(crew.folder)], stdout=subprocess.PIPE, text=True
    )
    name = process.stdout.readline().strip()
    assert crew.is_alive(name)
    process.kill()
    process.communicate()
    assert not crew.is_alive(name)
    assert list(crew.folder.iterdir()) == []
