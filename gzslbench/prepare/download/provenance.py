"""Where an archive came from and what it was, remembered beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from gzslbench.data.formats.sources import sha256_of
from gzslbench.errors import DataError
from gzslbench.files import is_there, reading
from gzslbench.prepare.download.disk import write_text


@dataclass(frozen=True)
class Provenance:
    """An archive as it came.

    Attributes:
        url: Where it came from, after redirects; empty where it was put there by hand.
        date: When it was looked at first, in ISO 8601, UTC.
        size: Bytes.
        sha256: Hexadecimal.
    """

    url: str
    date: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path, url: str) -> Provenance:
        """The file ``path`` as it is now.

        Raises:
            DataError: It cannot be read.
        """
        with reading(path, DataError):
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            return cls(url=url, date=now, size=path.stat().st_size, sha256=sha256_of(path))


def remembered(path: Path) -> Provenance | None:
    """What was remembered in the file ``path``, or None where there is none.

    Raises:
        DataError: It cannot be read, or says nothing of an archive.
    """
    if not is_there(path, DataError):
        return None
    with reading(path, DataError):
        text = path.read_bytes()
    try:
        found = Provenance(**json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(
            f"no note of where an archive came from: {error}", where=path, fix="remove it and fetch again"
        ) from error
    return found


def remember(path: Path, found: Provenance) -> None:
    """Write ``found`` to the file ``path``.

    Raises:
        DataError: It cannot be written.
    """
    write_text(path, json.dumps(asdict(found), indent=2) + "\n")
