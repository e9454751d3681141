"""A local server that fails as a test needs it, and small archives for it to serve."""

from __future__ import annotations

import io
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from gzslbench.plugins.dataset import Archive, DatasetSpec
from gzslbench.prepare.download import download
from gzslbench.prepare.download.download import Progress


@dataclass
class Answer:
    """How the server answers at one path; lists lose an entry a request, and ``then`` answers the next."""

    content: bytes = b""
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    type: str = "application/octet-stream"
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    length: int | None = None
    no_length: bool = False
    chunked: bool = False
    content_range: str | None = None
    extra: bytes = b""
    delay: float = 0.0
    pause: float = 0.0
    then: Answer | None = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: Any

    def do_GET(self) -> None:
        owner: Server = self.server.owner
        owner.requests.append((self.path, dict(self.headers)))
        self.close_connection = True
        answer = owner.answers.get(self.path)
        if answer is not None and answer.then is not None:
            owner.answers[self.path] = answer.then
        with suppress(ConnectionError):
            if answer is None:
                self._status(404, {})
            elif answer.statuses and (status := answer.statuses.pop(0)) != 200:
                self._status(status, answer.headers)
            else:
                self._serve(answer)

    def _status(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, answer: Answer) -> None:
        time.sleep(answer.delay)
        begin = self._begin(answer)
        body = answer.content[begin:]
        cut = answer.cuts.pop(0) if answer.cuts else len(body)
        self.send_response(206 if begin else 200)
        if begin:
            total = len(answer.content)
            self.send_header("Content-Range", answer.content_range or f"bytes {begin}-{total - 1}/{total}")
        self.send_header("Content-Type", answer.type)
        if answer.etag:
            self.send_header("ETag", answer.etag)
        if answer.modified:
            self.send_header("Last-Modified", answer.modified)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not answer.no_length:
            length = len(answer.content) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length - begin))
        self.end_headers()
        self._send(answer, body[:cut], whole=cut >= len(body))

    def _send(self, answer: Answer, body: bytes, whole: bool) -> None:
        for place in range(0, len(body), 2**16):
            piece = body[place : place + 2**16]
            if answer.chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(answer.pause)
        if answer.chunked and whole:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.write(answer.extra)

    def _begin(self, answer: Answer) -> int:
        """The first byte to send: not 0 if a range of this file is requested."""
        requested = self.headers.get("Range")
        if (
            not requested
            or not answer.ranges
            or self.headers.get("If-Range") not in (answer.etag, answer.modified)
        ):
            return 0
        return int(requested.removeprefix("bytes=").removesuffix("-"))

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server:
    """Answers by path, and the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.owner = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def serve(self, path: str, content: bytes = b"", **settings: Any) -> str:
        """Answer at ``path`` from now on; its address."""
        self.answers[path] = Answer(content, **settings)
        return self.url + path

    def ranges(self) -> list[str | None]:
        """The Range header of every request so far."""
        return [headers.get("Range") for _, headers in self.requests]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join(5)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch) -> None:
    monkeypatch.setattr(download, "TRIES", 4)
    monkeypatch.setattr(download, "PAUSE_S", 0.001)
    monkeypatch.setattr(download, "TIMEOUT_S", 60.0)


class RecordedProgress(Progress):
    """Keeps the progress that it receives."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.begun: list[tuple[str, int | None, int]] = []
        self.done = 0

    def begin(self, what: str, total: int | None, done: int = 0) -> None:
        self.begun.append((what, total, done))
        self.done = done

    def advance(self, count: int) -> None:
        self.done += count

    def log(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def progress() -> RecordedProgress:
    return RecordedProgress()


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not shrink."""
    return np.random.default_rng(seed).bytes(size)


def zip_of(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tgz_of(members: Mapping[str, bytes | Mapping[str, Any]]) -> bytes:
    """Files by their content, other entries by the attributes of their header."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                for attribute, value in content.items():
                    setattr(entry, attribute, value)
                archive.addfile(entry)
    return stream.getvalue()


@pytest.fixture(scope="session")
def make_noise() -> Callable[..., bytes]:
    return noise


@pytest.fixture(scope="session")
def make_zip() -> Callable[[Mapping[str, bytes]], bytes]:
    return zip_of


@pytest.fixture(scope="session")
def make_tgz() -> Callable[..., bytes]:
    return tgz_of


@pytest.fixture
def pets(server: Server) -> DatasetSpec:
    """A dataset whose features and images are archives of the server, next to files of other datasets."""
    features = zip_of(
        {
            "lab/data/PETS/": b"",
            "lab/data/PETS/res101.mat": noise(300_000),
            "lab/data/PETS/att_splits.mat": noise(1000, 1),
            "lab/data/CARS/res101.mat": noise(1000, 2),
            "readme.txt": b"hello",
        }
    )
    images = tgz_of(
        {
            "./jpg": {"type": tarfile.DIRTYPE},
            "./jpg/cat/1.jpg": noise(5000, 3),
            "./jpg/dog/1.jpg": noise(5000, 4),
            "./list.txt": b"2",
        }
    )
    return DatasetSpec(
        name="PETS",
        title="Pets",
        url="https://pets.example",
        archives=(
            Archive(server.serve("/lab.zip", features), {"lab/data/PETS/": ""}),
            Archive(
                server.serve("/photos.tgz", images, etag='"two"'),
                {"jpg/": "images"},
                images=True,
                licence="ask",
            ),
        ),
    )
