"""Remember the files a dataset was read from, to notice later that they changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gzslbench.files import sha256_of


@dataclass(frozen=True)
class Source:
    """A file as it was when it was read.

    Attributes:
        name: File name without its folder.
        size: Bytes.
        modified: Time of the last change in nanoseconds since 1970.
        sha256: Hexadecimal.
    """

    name: str
    size: int
    modified: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Source:
        """Describe the file at ``path`` as it is now."""
        found = path.stat()
        return cls(path.name, found.st_size, found.st_mtime_ns, sha256_of(path))

    def matches(self, path: Path) -> bool:
        """Return whether ``path`` has the same bytes; they are read only if the times differ."""
        found = path.stat()
        if found.st_size != self.size:
            return False
        return found.st_mtime_ns == self.modified or sha256_of(path) == self.sha256
