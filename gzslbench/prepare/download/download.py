"""Download one file: resume after an interruption, and try again after a failure that may pass."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from gzslbench import files
from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.http import OTHER_COPY, TransientError, open_url

TRIES = 6
"""Failures without progress after which a download is given up."""
PAUSE_S = 1.0
"""Seconds before the second try; each later pause is twice as long."""
MAX_PAUSE_S = 60.0
"""Seconds that a pause takes at most, even if the server asks for more."""
MIN_PROGRESS = 2**20
"""Bytes that must arrive before earlier failures no longer count."""
OTHER_FOLDER = "choose another folder with --data; then fetch again, which resumes"
_PIECE = 2**18
_CHECK_NETWORK = "check the connection, and http_proxy and https_proxy if you need them, or use --mirror"

Confirm = Callable[[int | None], None]
"""Called before bytes are downloaded, with their number (None: unknown); raises an error to stop it."""


class Progress:
    """Ignores the progress of a fetch; a subclass shows it."""

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """A step of ``total`` bytes (None: unknown) begins; ``done`` of them are there already."""

    def advance(self, count: int) -> None:
        """``count`` more bytes are done."""

    def stop(self) -> None:
        """No step runs until the next ``begin``; a question to the user may follow."""

    def log(self, line: str) -> None:
        """Show a line to the user."""


def writing(where: Path) -> AbstractContextManager[None]:
    """Turn an OSError into a DataError that says how to continue the fetch."""
    return files.writing(where, failure=DataError, elsewhere=OTHER_FOLDER)


@dataclass(frozen=True)
class _Origin:
    """The file on a server that the bytes of an unfinished download belong to.

    Attributes:
        url: The requested address.
        final_url: Where redirects led, without a query, which may hold a key.
        validator: A strong ETag, else Last-Modified; empty if the server sends neither.
        size: Bytes of the whole file, if the server gives them.
    """

    url: str
    final_url: str
    validator: str
    size: int | None

    @classmethod
    def of(cls, url: str, response: HTTPResponse) -> _Origin:
        etag = response.headers.get("ETag", "")
        if etag.startswith("W/"):  # a weak ETag does not promise equal bytes
            etag = ""
        final_url = urlsplit(response.url)._replace(query="", fragment="").geturl()
        return cls(url, final_url, etag or response.headers.get("Last-Modified", ""), response.length)


class Download:
    """One file that is being downloaded.

    Args:
        archive: What is known of the file.
        url: Its address, perhaps on a mirror.
        part: Where the bytes go. After a failure they stay there, and ``part``.json tells their origin.
        confirm: Called once, before the first bytes come.
        progress: Receives progress and the reasons of further tries.
    """

    def __init__(self, archive: Archive, url: str, part: Path, confirm: Confirm, progress: Progress) -> None:
        self.archive, self.url, self.part, self.progress = archive, url, part, progress
        self.confirm: Confirm | None = confirm
        self.origin_file = part.with_name(f"{part.name}.json")

    def run(self) -> str:
        """Download the file, and return the address that redirects led to.

        Raises:
            DataError: The server refuses, fails too often or sends something else, or the disk is full.
        """
        failures, best = 0, self._size()
        while True:
            try:
                return self._receive()
            except TransientError as error:
                # A large file over a bad line breaks often; what counts is whether it gets ahead.
                if self._size() >= best + MIN_PROGRESS:
                    failures, best = 0, self._size()
                failures += 1
                if failures >= TRIES:
                    fix = f"{OTHER_COPY if error.status else _CHECK_NETWORK}; a new fetch resumes"
                    raise DataError(f"{error} ({failures} tries)", where=self.url, fix=fix) from error
                pause = min(max(PAUSE_S * 2 ** (failures - 1), error.retry_after), MAX_PAUSE_S)
                self.progress.log(f"{error}; next try in {pause:.0f} s")
                time.sleep(pause)

    def discard(self) -> None:
        """Remove what has come."""
        with writing(self.part):
            self.part.unlink(missing_ok=True)
            self.origin_file.unlink(missing_ok=True)

    def finish(self, path: Path) -> None:
        """Give the complete file its final name."""
        with writing(path):
            self.part.replace(path)
            self.origin_file.unlink(missing_ok=True)

    def _size(self) -> int:
        with writing(self.part):
            return self.part.stat().st_size if self.part.is_file() else 0

    def _read_origin(self) -> _Origin | None:
        """Return the origin of the bytes that are here, if they came from the same address."""
        try:
            origin = _Origin(**json.loads(self.origin_file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return origin if origin.url == self.url and self.part.is_file() else None

    def _receive(self) -> str:
        """Send one request, for the missing rest if possible, and write what comes."""
        origin, done, headers = self._read_origin(), self._size(), {}
        if origin and done == origin.size:
            return origin.final_url
        if origin and origin.validator and done:
            # If-Range makes the server send the whole file if it is not the same file any more.
            headers = {"Range": f"bytes={done}-", "If-Range": origin.validator}
        try:
            response = open_url(self.url, headers)
        except TransientError as error:
            if error.status == 416:  # there are more bytes here than on the server
                self.discard()
            raise
        with response:
            if origin is None or response.status != 206:
                self._check(response)
                self.discard()
                done, origin = 0, _Origin.of(self.url, response)
                text = json.dumps(asdict(origin), indent=2) + "\n"
                files.write_atomically(self.origin_file, text, DataError, OTHER_FOLDER)
            elif not _continues(response, done, origin):
                self.discard()
                raise TransientError("the server sends another part of the file than requested")
            rest = None if origin.size is None else origin.size - done
            if self.confirm:
                self.confirm(rest)
                self.confirm = None
            files.check_free_space(self.part.parent, rest or 0, DataError, OTHER_FOLDER)
            self.progress.begin(self.archive.name, origin.size, done)
            with writing(self.part), self.part.open("ab") as file:
                for piece in _pieces(response):
                    file.write(piece)
                    self.progress.advance(len(piece))
        if origin.size is not None and self._size() < origin.size:
            raise TransientError(f"the connection ended after {self._size()} of {origin.size} bytes")
        return origin.final_url

    def _check(self, response: HTTPResponse) -> None:
        """Raise a DataError unless the answer is a whole file of the known size, and not a web page."""
        length, size = response.length, self.archive.size
        if response.status != 200:
            what = f"the server answers {response.status} without a file"
        elif response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            what = "the server sends a web page instead of the file"
        elif None not in (size, length) and size != length:
            what = f"the file there has {length} bytes, but {self.archive.name} has {size}"
        else:
            return
        raise DataError(what, where=response.url, fix=OTHER_COPY)


def _pieces(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while piece := response.read1(_PIECE):
            yield piece
    except (HTTPException, OSError) as error:
        raise TransientError(f"the connection broke: {error or type(error).__name__}") from error


def _continues(response: HTTPResponse, done: int, origin: _Origin) -> bool:
    """Return whether an answer 206 is the rest, from byte ``done`` on, of the file that has begun."""
    start, _, total = response.headers.get("Content-Range", "").partition("/")
    return start.startswith(f"bytes {done}-") and (origin.size is None or total in ("*", str(origin.size)))
