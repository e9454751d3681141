from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from gzslbench.errors import DataError
from gzslbench.plugins.dataset import Archive
from gzslbench.prepare.download import download
from gzslbench.prepare.download.download import Download

SIZE = 400_000


@pytest.fixture
def content(make_noise) -> bytes:
    return make_noise(SIZE)


@pytest.fixture
def part(tmp_path) -> Path:
    return tmp_path / "data.bin.part"


@pytest.fixture
def get(part, progress):
    """Download an address; return the bytes."""

    def get(url, **known):
        archive = Archive(url, {"data.bin": ""}, **known)
        Download(archive, url, part, progress).run()
        return part.read_bytes()

    return get


def stopped(part, url, content, done, etag='"one"', modified=""):
    """Leave what an earlier fetch would have left."""
    part.write_bytes(content[:done])
    origin = {"url": url, "validator": etag or modified, "size": len(content)}
    origin_file(part).write_text(json.dumps(origin))


def origin_file(part):
    return part.with_name("data.bin.part.json")


def test_a_file_is_downloaded_and_progress_counts_every_byte(server, get, content, progress):
    url = server.serve("/data.bin", content)
    assert get(url) == content
    assert progress.begun == [("data.bin", SIZE, 0)]
    assert progress.done == SIZE
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("settings", [{"no_length": True}, {"chunked": True}])
def test_a_file_of_unknown_length_is_downloaded(server, get, content, settings):
    assert get(server.serve("/data.bin", content, **settings)) == content


def test_a_connection_that_breaks_off_is_resumed(server, get, content):
    url = server.serve("/data.bin", content, cuts=[100_000, 50_000, 70_000])
    assert get(url) == content
    assert server.ranges() == [None, "bytes=100000-", "bytes=150000-", "bytes=220000-"]


def test_a_chunked_answer_that_breaks_off_is_resumed(server, get, content):
    assert get(server.serve("/data.bin", content, chunked=True, cuts=[2**17])) == content
    assert server.ranges() == [None, f"bytes={2**17}-"]


@pytest.mark.parametrize(
    "settings", [{"etag": '"one"'}, {"etag": None, "modified": "Mon, 01 Jan 2018 00:00:00 GMT"}]
)
def test_an_earlier_fetch_is_resumed_if_the_file_is_the_same(server, get, part, content, settings):
    url = server.serve("/data.bin", content, **settings)
    stopped(part, url, content, 150_000, settings["etag"] or "", settings.get("modified", ""))
    assert get(url) == content
    assert server.ranges() == ["bytes=150000-"]


def test_a_complete_file_is_not_requested_again(server, get, part, content):
    url = server.serve("/data.bin", content)
    stopped(part, url, content, SIZE)
    assert get(url) == content
    assert server.requests == []


def test_a_file_that_changed_is_downloaded_again(server, get, part, content, make_noise):
    old = make_noise(SIZE, 9)
    url = server.serve("/data.bin", content, etag='"new"')
    stopped(part, url, old, 150_000, etag='"old"')
    assert get(url) == content
    assert server.requests[0][1]["If-Range"] == '"old"'


def test_a_file_that_changes_between_two_tries_is_downloaded_again(server, get, content, make_noise):
    server.serve("/data.bin", content, etag='"new"')
    new = server.answers["/data.bin"]
    assert get(server.serve("/data.bin", make_noise(SIZE, 9), cuts=[100_000], then=new)) == content
    assert server.ranges() == [None, "bytes=100000-"]


def test_without_ranges_the_download_starts_again(server, get, part, content):
    url = server.serve("/data.bin", content, ranges=False)
    stopped(part, url, content, 150_000)
    assert get(url) == content
    assert server.ranges() == ["bytes=150000-"]


@pytest.mark.parametrize("etag", ['W/"weak"', None])
def test_without_a_strong_validator_nothing_is_resumed(server, get, content, etag):
    assert get(server.serve("/data.bin", content, etag=etag, cuts=[100_000])) == content
    assert server.ranges() == [None, None]


@pytest.mark.parametrize("claimed", ["bytes 7-399999/400000", "bytes 150000-399999/500000", "nonsense"])
def test_another_range_than_requested_starts_the_download_again(server, get, part, content, claimed):
    url = server.serve("/data.bin", content, content_range=claimed)
    stopped(part, url, content, 150_000)
    assert get(url) == content
    assert server.ranges() == ["bytes=150000-", None]


def test_more_bytes_than_the_file_has_start_the_download_again(server, get, part, content):
    url = server.serve("/data.bin", content, statuses=[416])
    stopped(part, url, content + b"more", SIZE + 4)
    origin_file(part).write_text(origin_file(part).read_text().replace(str(SIZE + 4), str(SIZE)))
    assert get(url) == content


def test_a_part_from_another_address_is_not_resumed(server, get, part, content, make_noise):
    url = server.serve("/data.bin", content)
    stopped(part, f"{server.url}/other/data.bin", make_noise(SIZE, 9), 150_000)
    assert get(url) == content
    assert server.ranges() == [None]


@pytest.mark.parametrize(
    "note",
    [
        *("{", "[]", '{"asked": 1}', '{"url": {}, "validator": "", "size": null}', "[" * 100_000),
        *('{"url": "x", "validator": 1.5, "size": 3}', '{"url": "x", "validator": "a", "size": "3"}'),
    ],
)
def test_a_damaged_note_starts_the_download_again(server, get, part, content, note):
    url = server.serve("/data.bin", content)
    stopped(part, url, content, 150_000)
    origin_file(part).write_text(note)
    assert get(url) == content
    assert server.ranges() == [None]


def test_a_length_longer_than_the_file_is_an_error_that_says_so(server, get, content, part):
    url = server.serve("/data.bin", content, length=SIZE + 10, ranges=False)
    with pytest.raises(DataError, match=r"ended after 400000 of 400010 bytes \(4 tries\)") as caught:
        get(url)
    assert caught.value.where == url
    assert "--mirror" in caught.value.fix
    assert part.stat().st_size == SIZE


def test_bytes_beyond_the_length_are_ignored(server, get, content):
    assert get(server.serve("/data.bin", content, extra=b"more")) == content


def test_a_known_size_is_compared_with_that_of_the_server(server, get, content):
    with pytest.raises(DataError, match=r"has 400000 bytes, but data\.bin has 5"):
        get(server.serve("/data.bin", content), size=5)


def test_a_server_without_progress_is_given_up(server, get, content, progress):
    url = server.serve("/data.bin", content, cuts=[0] * 100)
    with pytest.raises(DataError, match=r"ended after 0 of 400000 bytes \(4 tries\)"):
        get(url)
    assert len(server.requests) == 4
    assert sum("next try in" in line for line in progress.lines) == 3


def test_progress_gives_more_tries(server, get, content, monkeypatch):
    monkeypatch.setattr(download, "TRIES", 2)
    assert get(server.serve("/data.bin", content, cuts=[SIZE // 8] * 7)) == content


def test_dropping_without_ranges_is_given_up(server, get, content):
    url = server.serve("/data.bin", content, ranges=False, cuts=[SIZE // 2] * 100)
    with pytest.raises(DataError, match="tries"):
        get(url)
    assert len(server.requests) < 10


def test_a_transient_failure_is_tried_again(server, get, content):
    url = server.serve("/data.bin", content, statuses=[503, 500, 429])
    assert get(url) == content
    assert len(server.requests) == 4


def test_a_lasting_failure_is_given_up(server, get):
    url = server.serve("/data.bin", statuses=[503] * 9)
    with pytest.raises(DataError, match=r"503 Service Unavailable \(4 tries\)"):
        get(url)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_not_tried_again(server, get, status):
    url = server.serve("/data.bin", statuses=[status] * 9)
    with pytest.raises(DataError, match=f"answers {status}") as caught:
        get(url)
    assert len(server.requests) == 1
    assert caught.value.where == url


def test_each_pause_is_twice_as_long_as_the_one_before(server, get, content, monkeypatch):
    pauses = []
    monkeypatch.setattr(download, "time", SimpleNamespace(sleep=pauses.append))
    get(server.serve("/data.bin", content, statuses=[503] * 3))
    assert pauses == [0.001, 0.002, 0.004]


def test_a_slow_server_times_out_and_is_tried_again(server, get, content, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT_S", 0.1)
    with pytest.raises(DataError, match=r"timed out \(4 tries\)"):
        get(server.serve("/data.bin", content, delay=1.0))


@pytest.mark.parametrize(
    "page",
    [
        {"content": b"<html>please log in</html>", "type": "text/html; charset=utf-8"},
        {"content": b"<!DOCTYPE html><title>no</title>", "type": "application/xhtml+xml"},
    ],
)
def test_a_web_page_instead_of_the_file_is_an_error(server, get, page, part):
    with pytest.raises(DataError, match="web page"):
        get(server.serve("/data.bin", **page))
    assert not part.exists()


def test_an_answer_without_a_file_is_an_error(server, get):
    with pytest.raises(DataError, match="answers 204"):
        get(server.serve("/data.bin", statuses=[204]))


def test_too_little_space_is_an_error_before_the_download(server, get, part, content, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 0, 10))
    with pytest.raises(DataError, match=r"390\.6 KiB are needed and 10 bytes are free"):
        get(server.serve("/data.bin", content))
    assert not part.exists()


def test_a_full_disk_keeps_the_received_bytes(server, get, part, content, monkeypatch):
    opened = Path.open
    url = server.serve("/data.bin", content)
    stopped(part, url, content, 150_000)

    class Full:
        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def full(self, mode="r", *rest, **settings):
        with opened(self, mode, *rest, **settings) as file:
            yield Full() if mode == "ab" else file

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DataError, match="No space left") as caught:
        get(url)
    assert "free some space" in caught.value.fix
    monkeypatch.undo()
    assert part.stat().st_size == 150_000
    assert get(url) == content
