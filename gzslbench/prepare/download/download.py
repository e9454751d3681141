"""Getting one file, in as many requests as it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse

from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download.containers import check_beginning
from gzslbench.prepare.download.disk import check_room, writing
from gzslbench.prepare.download.partial import Origin, Partial
from gzslbench.prepare.download.provenance import Provenance
from gzslbench.prepare.download.request import HitchError, open_url
from gzslbench.prepare.download.tries import Patience, Tries
from gzslbench.prepare.download.watcher import Watcher

_PIECE = 2**18
_HEAD = 512
_AGAIN = "fetch again, or name another copy with --mirror"


def offered_size(archive: Archive, url: str, patience: Patience, watch: Watcher) -> int | None:
    """The bytes that the server says the file has, else those that are known; None where neither is.

    Raises:
        DataError: It cannot be had, or has another size than is known.
    """
    tries = Tries(url, patience, watch)
    while True:
        try:
            with open_url(url, {}, patience.timeout) as response:
                _check_answer(response, archive, url)
                return response.length if response.length is not None else archive.size
        except HitchError as hitch:
            tries.failed(hitch)


def download(
    archive: Archive, url: str, part: Partial, most: int | None, patience: Patience, watch: Watcher
) -> Provenance:
    """Fetch ``url`` into ``part``, going on from what is there of the same file.

    Args:
        archive: What is known of the file.
        url: Its address, perhaps on a mirror.
        part: Where the bytes go. After a failure it keeps those that can be gone on from.
        most: Bytes that it may have; None sets no bound.
        patience: How long to bear with the server.
        watch: Told of progress and of second tries.

    Returns:
        What came; its size and sha256 are as known, where they are.

    Raises:
        DataError: The server refuses, gives up too often, or sends something else; or the disk is full.
    """
    tries = Tries(url, patience, watch, part.done)
    while True:
        origin = part.origin()
        if origin is not None and origin.asked == url and part.done == origin.size:
            return _checked(archive, part, url, origin.url)
        try:
            came_from = _receive(archive, url, part, most, patience, watch)
        except HitchError as hitch:
            tries.failed(hitch, part.done)
        else:
            return _checked(archive, part, url, came_from)


def _receive(
    archive: Archive, url: str, part: Partial, most: int | None, patience: Patience, watch: Watcher
) -> str:
    """Ask once, for the rest where that can be, and write what comes; return where it came from."""
    origin = part.origin()
    done = part.done if origin is not None and origin.asked == url and origin.validator else 0
    headers = {"Range": f"bytes={done}-", "If-Range": origin.validator} if done and origin else {}
    try:
        response = open_url(url, headers, patience.timeout)
    except HitchError as hitch:
        if hitch.status == 416:
            part.drop()
        raise
    with response:
        if origin is not None and headers and response.status == 206:
            if not _goes_on(response, done, origin):
                part.drop()
                raise HitchError("the server sends another part than it was asked for")
        else:
            _check_answer(response, archive, url)
            done, origin = 0, Origin.of(url, response)
            part.begin(origin)
        size = origin.size
        _check_bound(size if size is not None else done, most, url)
        if size is not None:
            check_room(part.path.parent, size - done)
        watch.begin(archive.name, size, done)
        _write(response, archive, part, most, watch)
    if size is not None and part.done < size:
        raise HitchError(f"the connection ended after {part.done} of {size} bytes")
    return origin.url


def _write(response: HTTPResponse, archive: Archive, part: Partial, most: int | None, watch: Watcher) -> None:
    done = part.done
    with writing(part.path), part.path.open("ab") as file:
        for piece in _pieces(response):
            if not done:
                check_beginning(archive.name, piece, response.url)
            done += len(piece)
            _check_bound(done, most, response.url)
            file.write(piece)
            watch.advance(len(piece))


def _pieces(response: HTTPResponse) -> Iterator[bytes]:
    """What comes, as it comes; the first piece has some hundred bytes, if the whole has."""
    try:
        piece = response.read(_HEAD)
        while piece:
            yield piece
            piece = response.read1(_PIECE)
    except (HTTPException, OSError) as error:
        raise HitchError(f"the connection broke: {error or type(error).__name__}") from error


def _goes_on(response: HTTPResponse, done: int, origin: Origin) -> bool:
    """Whether an answer 206 is the rest, from ``done`` on, of what has begun."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != done:
        return False
    etag = response.headers.get("ETag", "")
    same_size = found[3] == "*" or origin.size is None or int(found[3]) == origin.size
    return same_size and (not etag or not origin.etag or etag == origin.etag)


def _check_answer(response: HTTPResponse, archive: Archive, url: str) -> None:
    """See to it that an answer holds a whole file, of the known size and no web page."""
    if response.status != 200:
        raise DataError(f"the server answers {response.status} and no file", where=url, fix=_AGAIN)
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise DataError(
            "a web page came in place of the file",
            where=response.url,
            fix="open the address in a browser, which shows what is asked for; or use --mirror",
        )
    if archive.size is not None and response.length not in (None, archive.size):
        raise DataError(
            f"the file there has {response.length} bytes, and {archive.name} has {archive.size}",
            where=response.url,
            fix="name another copy with --mirror",
        )


def _check_bound(size: int, most: int | None, url: str) -> None:
    if most is not None and size > most:
        raise DataError(f"the server sends more than the {most} bytes that it told of", where=url, fix=_AGAIN)


def _checked(archive: Archive, part: Partial, url: str, came_from: str) -> Provenance:
    """What is there now, whose size and sha256 are as known; what differs is thrown away."""
    found = Provenance.of(part.path, came_from)
    differs = ""
    if archive.size not in (None, found.size):
        differs = f"{found.size} bytes, not {archive.size}"
    elif archive.sha256 not in ("", found.sha256):
        differs = f"the sha256 {found.sha256}, not {archive.sha256}"
    if differs:
        part.drop()
        raise DataError(f"what came has {differs}, and was thrown away", where=url, fix=_AGAIN)
    return found
