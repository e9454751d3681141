"""How often, and how patiently, something is tried again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gzslbench.prepare.download.request import HitchError, gave_up
from gzslbench.prepare.download.watcher import Watcher

STRIDE = 2**20
"""Bytes that a download must get ahead for its failures to be counted anew."""
LONGEST = 60.0
"""Seconds that a pause takes at most."""


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server.

    Attributes:
        tries: Failures without headway after which it is given up.
        pause: Seconds before the second try; each later pause is twice as long.
        timeout: Seconds that connecting, and every wait for bytes, may take.
    """

    tries: int = 6
    pause: float = 1.0
    timeout: float = 30.0


class Tries:
    """The failures so far of one thing that is tried."""

    def __init__(self, url: str, patience: Patience, watch: Watcher, done: int = 0) -> None:
        self.url, self.patience, self.watch = url, patience, watch
        self.mark = done
        self.failures = 0

    def failed(self, hitch: HitchError, done: int = 0) -> None:
        """Count a failure with ``done`` bytes there, and pause before the next try.

        Raises:
            DataError: That was the last.
        """
        if done >= self.mark + STRIDE:
            self.mark, self.failures = done, 0
        self.failures += 1
        if self.failures >= self.patience.tries:
            raise gave_up(hitch, self.url, self.failures) from hitch
        pause = min(max(self.patience.pause * 2 ** (self.failures - 1), hitch.wait), LONGEST)
        self.watch.say(f"{hitch.what}; trying again in {pause:.0f} s")
        time.sleep(pause)
