"""A download that has begun: the bytes so far, and what they are the beginning of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from gzslbench.prepare.download.disk import write_text, writing


@dataclass(frozen=True)
class Origin:
    """The file on the server that the bytes are of.

    Attributes:
        asked: The address that was asked for.
        url: Where redirects led, without a query, which may hold a key.
        etag: A strong ETag, or empty.
        modified: Last-Modified, or empty.
        size: Bytes of the whole, where the server tells.
    """

    asked: str
    url: str
    etag: str
    modified: str
    size: int | None

    @classmethod
    def of(cls, asked: str, response: HTTPResponse) -> Origin:
        """From an answer that holds the file from its beginning."""
        etag = response.headers.get("ETag", "")
        return cls(
            asked=asked,
            url=urlsplit(response.url)._replace(query="", fragment="").geturl(),
            etag="" if etag.startswith("W/") else etag,
            modified=response.headers.get("Last-Modified", ""),
            size=response.length,
        )

    @property
    def validator(self) -> str:
        """What tells the server which file is meant; empty where nothing does."""
        return self.etag or self.modified


class Partial:
    """The file ``path``, which ends in .part, and its origin in the .json beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin_file = path.with_name(f"{path.name}.json")

    @property
    def done(self) -> int:
        """Bytes that are there."""
        with writing(self.path):
            return self.path.stat().st_size if self.path.is_file() else 0

    def origin(self) -> Origin | None:
        """What the bytes are of; None where there are none, or nothing can be told."""
        with writing(self.origin_file):
            if not self.path.is_file() or not self.origin_file.is_file():
                return None
            text = self.origin_file.read_bytes()
        try:
            return Origin(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def begin(self, origin: Origin) -> None:
        """Throw away what is there and note what comes."""
        self.drop()
        write_text(self.origin_file, json.dumps(asdict(origin), indent=2) + "\n")

    def drop(self) -> None:
        """Throw away what is there."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)
            self.origin_file.unlink(missing_ok=True)

    def become(self, path: Path) -> None:
        """Give the whole file its name."""
        with writing(path):
            self.path.replace(path)
            self.origin_file.unlink(missing_ok=True)
