"""Tests of ``gzslbench data fetch``, next to the server that they need."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gzslbench.cli import main
from gzslbench.prepare.download import download

FOLDER = "xlsa17/data/SUN"


@pytest.fixture
def content(make_zip, make_noise):
    return make_zip({f"{FOLDER}/res101.mat": make_noise(2_000_000), f"{FOLDER}/att_splits.mat": b"splits"})


@pytest.fixture
def call(server, tmp_path):
    """Fetch SUN from the server into ``tmp_path``."""

    def call(*arguments, name="SUN", **settings):
        line = ["data", "fetch", name, "--data", str(tmp_path), "--mirror", server.url, *arguments]
        return CliRunner().invoke(main, line, **settings)

    return call


def test_a_fetch_says_what_it_did_and_what_to_type_next(call, server, content, tmp_path):
    server.serve("/xlsa17.zip", content)
    done = call()
    assert done.exit_code == 0, done.output
    assert f"SUN: 2 files written to {tmp_path / 'SUN'}" in done.stdout
    assert "next: gzslbench data verify SUN; gzslbench datasets SUN" in done.stdout
    assert "xlsa17.zip: 0 bytes of 1.9 MiB" in done.stderr
    assert (tmp_path / "SUN" / "att_splits.mat").read_bytes() == b"splits"
    again = call()
    assert "SUN: all of xlsa17.zip is there and unchanged" in again.stdout


def test_standard_output_is_only_json(call, server, content, tmp_path):
    server.serve("/xlsa17.zip", content)
    (fetched,) = json.loads(call("--json").stdout)
    assert (fetched["dataset"], fetched["folder"], fetched["written"]) == ("SUN", str(tmp_path / "SUN"), 2)
    assert fetched["provenance"]["url"] == f"{server.url}/xlsa17.zip"
    assert json.loads(call("--json").stdout)[0]["written"] == 0


def test_a_different_file_is_overwritten_only_with_force(call, server, content, tmp_path):
    server.serve("/xlsa17.zip", content)
    (tmp_path / "SUN").mkdir()
    (tmp_path / "SUN" / "att_splits.mat").write_bytes(b"mine")
    refused = call()
    assert refused.exit_code == 2
    assert str(tmp_path / "SUN" / "att_splits.mat") in refused.stderr
    assert call("--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--images",), "no archive of images of SUN"),
        (("--mirror", "ftp://127.0.0.1"), "not an http or https address"),
        (("AWA-2",), "did you mean 'AWA2'"),
        (("digits",), "nothing to fetch"),
        ((), "answers 404"),
    ],
)
def test_mistakes_exit_with_two_and_no_traceback(call, arguments, message):
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_keeps_the_received_bytes_for_the_next_fetch(call, server, content, tmp_path, monkeypatch):
    pieces = download._pieces

    def interrupt(response):
        yield next(pieces(response))
        raise KeyboardInterrupt

    server.serve("/xlsa17.zip", content)
    monkeypatch.setattr(download, "_pieces", interrupt)
    stopped = call()
    assert stopped.exit_code == 130 and "Traceback" not in stopped.output
    received = (tmp_path / "archives" / "xlsa17.zip.part").read_bytes()
    assert received and content.startswith(received)
    monkeypatch.setattr(download, "_pieces", pieces)
    assert call().exit_code == 0
    assert server.ranges()[-1] == f"bytes={len(received)}-"
