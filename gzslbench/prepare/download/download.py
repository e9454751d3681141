"""Download one file: resume after an interruption, and try again after a failure that may pass."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from pathlib import Path
from typing import IO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from gzslbench import files
from gzslbench._version import VERSION
from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive

TRIES = 6
"""Failures without progress after which a download is given up."""
PAUSE_S = 1.0
"""Seconds before the second try; each later pause is twice as long."""
TIMEOUT_S = 30.0
"""Seconds to wait for a connection, and for the next bytes."""
OTHER_COPY = "check the address in a browser, or name another copy with --mirror"
_TRANSIENT_STATUS = (408, 416, 425, 429, 500, 502, 503, 504)
OTHER_FOLDER = "choose another folder with --data; then fetch again, which resumes"
_PIECE = 2**18
_CHECK_NETWORK = "check the connection, and http_proxy and https_proxy if you need them, or use --mirror"


class TransientError(Exception):
    """A failure that another try may solve; ``status`` is that of the answer, 0 without an answer."""

    def __init__(self, what: str, status: int = 0) -> None:
        super().__init__(what)
        self.status = status


def check_address(url: str) -> None:
    """Raise a DataError unless ``url`` is an http or https address with a host."""
    try:
        is_web = urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        is_web = False
    if not is_web:
        raise DataError("not an http or https address", where=url, fix="name one, as https://host/folder")


def open_url(url: str, headers: Mapping[str, str]) -> HTTPResponse:
    """Send a GET request, through a proxy if the environment names one, and follow redirects.

    Raises:
        TransientError: Another try may work.
        DataError: It will not, or a redirect leads to an address that is not http or https.
    """
    check_address(url)
    # Without "identity" a server may compress on the fly, and lengths and ranges would be of other bytes.
    always = {"User-Agent": f"gzslbench/{VERSION}", "Accept-Encoding": "identity"}
    try:
        request = Request(url, headers={**always, **headers})
        return cast(HTTPResponse, build_opener(_SafeRedirects).open(request, timeout=TIMEOUT_S))
    except HTTPError as error:
        what = f"the server answers {error.code} {error.reason}".rstrip()
        error.close()
        if error.code in _TRANSIENT_STATUS:
            raise TransientError(what, error.code) from error
        raise DataError(what, where=url, fix=OTHER_COPY) from error
    except (InvalidURL, ValueError) as error:
        raise DataError(f"the address is not valid: {error}", where=url, fix=OTHER_COPY) from error
    except (URLError, HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DataError(f"the certificate is not valid: {reason}", where=url, fix=OTHER_COPY) from error
        raise TransientError(f"the server cannot be reached: {reason or type(reason).__name__}") from error


class _SafeRedirects(HTTPRedirectHandler):
    """Follow redirects, but neither to ftp nor from https back to http: not all archives are pinned."""

    http_error_308 = HTTPRedirectHandler.http_error_302  # Python 3.10 does not follow 308

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("https", urlsplit(req.full_url).scheme):
            what = f"a redirect leads to {newurl!r}, which is not followed"
            raise DataError(what, where=req.full_url, fix=OTHER_COPY)
        return super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)


class Progress:
    """Ignores the progress of a fetch; a subclass shows it."""

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        """A step of ``total`` bytes (None: unknown) begins; ``done`` of them are there already."""

    def advance(self, count: int) -> None:
        """``count`` more bytes are done."""

    def log(self, line: str) -> None:
        """Show a line to the user."""


def writing(where: Path) -> AbstractContextManager[None]:
    """Turn an OSError into a DataError that says how to continue the fetch."""
    return files.writing(where, failure=DataError, elsewhere=OTHER_FOLDER)


@dataclass(frozen=True)
class _Origin:
    """The file on a server that the bytes of an unfinished download belong to.

    ``validator`` is a strong ETag, else Last-Modified; ``size`` is None if the server does not send it.
    """

    url: str
    validator: str
    size: int | None

    @classmethod
    def of(cls, url: str, response: HTTPResponse) -> _Origin:
        etag = response.headers.get("ETag", "")
        if etag.startswith("W/"):  # a weak ETag does not promise equal bytes
            etag = ""
        return cls(url, etag or response.headers.get("Last-Modified", ""), response.length)


class Download:
    """A file that is downloaded to ``part``; after a failure the bytes and a note of their origin stay."""

    def __init__(self, archive: Archive, url: str, part: Path, progress: Progress) -> None:
        self.archive, self.url, self.part, self.progress = archive, url, part, progress
        self.origin_file = part.with_name(f"{part.name}.json")

    def run(self) -> None:
        """Download the file, with further tries after failures that may pass."""
        failures, best = 0, self._size()
        while True:
            try:
                return self._receive()
            except TransientError as error:
                # A large file over a bad line breaks often; what counts is whether it advances.
                if self._size() > best:
                    failures, best = 0, self._size()
                failures += 1
                if failures >= TRIES:
                    fix = f"{OTHER_COPY if error.status else _CHECK_NETWORK}; a new fetch resumes"
                    raise DataError(f"{error} ({failures} tries)", where=self.url, fix=fix) from error
                pause = PAUSE_S * 2 ** (failures - 1)
                self.progress.log(f"{error}; next try in {pause:.0f} s")
                time.sleep(pause)

    def discard(self) -> None:
        """Remove what has arrived."""
        with writing(self.part):
            self.part.unlink(missing_ok=True)
            self.origin_file.unlink(missing_ok=True)

    def _size(self) -> int:
        with writing(self.part):
            return self.part.stat().st_size if self.part.is_file() else 0

    def _read_origin(self) -> _Origin | None:
        """Return the origin of the bytes that are here, if they came from the same address."""
        try:
            origin = msgspec.json.decode(self.origin_file.read_bytes(), type=_Origin)
        except (OSError, ValueError, RecursionError):
            return None
        return origin if origin.url == self.url and self.part.is_file() else None

    def _receive(self) -> None:
        """Send one request, for the missing rest if possible, and write the answer."""
        origin, done, headers = self._read_origin(), self._size(), {}
        if origin and done == origin.size:
            return
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
            files.check_free_space(self.part.parent, (origin.size or 0) - done, DataError, OTHER_FOLDER)
            self.progress.begin(self.archive.name, origin.size, done)
            with writing(self.part), self.part.open("ab") as file:
                for piece in _pieces(response):
                    file.write(piece)
                    self.progress.advance(len(piece))
        if origin.size is not None and self._size() < origin.size:
            raise TransientError(f"the connection ended after {self._size()} of {origin.size} bytes")

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
    """Return whether an answer 206 is the rest of the file from byte ``done`` on."""
    start, _, total = response.headers.get("Content-Range", "").partition("/")
    return start.startswith(f"bytes {done}-") and (origin.size is None or total in ("*", str(origin.size)))
