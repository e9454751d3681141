from __future__ import annotations

import socket
from urllib.request import Request

import pytest

from gzslbench.errors import DataError
from gzslbench.prepare.download.download import TransientError, _SafeRedirects, check_address, open_url


@pytest.fixture
def body(server):
    """Return what is at an address, and the last address."""

    def body(url):
        with open_url(url, {}) as response:
            return response.read(), response.url

    return body


def redirect(server, path, location, status=302):
    return server.serve(path, statuses=[status] * 50, headers={"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/real/data.bin", "real/data.bin", "{url}/real/data.bin"])
def test_redirects_are_followed(server, body, status, location):
    server.serve("/real/data.bin", b"here")
    first = redirect(server, "/moved", location.format(url=server.url), status)
    assert body(first) == (b"here", f"{server.url}/real/data.bin")


def test_a_redirect_keeps_the_requested_range(server):
    server.serve("/real", b"0123456789")
    url = redirect(server, "/moved", "/real")
    with open_url(url, {"Range": "bytes=4-", "If-Range": '"one"'}) as response:
        assert (response.status, response.read()) == (206, b"456789")


def test_redirects_end(server, body):
    with pytest.raises(DataError, match="infinite loop"):
        body(redirect(server, "/round", "/round"))
    assert len(server.requests) < 12


@pytest.mark.parametrize(
    "location",
    ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "javascript:0", "http://[x/"],
)
def test_redirects_lead_nowhere_but_http(server, body, location):
    with pytest.raises(DataError):
        body(redirect(server, "/moved", location))
    assert len(server.requests) == 1


def test_a_redirect_from_https_to_http_is_not_followed():
    def redirect(url, target):
        return _SafeRedirects().redirect_request(Request(url), None, 302, "Found", {}, target).full_url

    assert redirect("http://a.example/x", "https://b.example/y") == "https://b.example/y"
    with pytest.raises(DataError, match="not followed"):
        redirect("https://a.example/x", "http://a.example/x")


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://h/x", "h/x", "", "http://", "http://[x", "https:///x"]
)
def test_only_http_addresses_are_opened(url, body):
    with pytest.raises(DataError, match="not an http or https address"):
        check_address(url)
    with pytest.raises(DataError):
        body(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:x/", "http://127.0.0.1/\x00", "http://a b/"])
def test_an_invalid_address_is_not_a_transient_failure(url, body):
    with pytest.raises(DataError, match="address is not valid"):
        body(url)


def test_a_redirect_without_a_target_is_an_error(server, body):
    with pytest.raises(DataError, match="answers 302"):
        body(server.serve("/moved", statuses=[302]))


def test_a_closed_port_is_a_transient_failure(body):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(TransientError, match="cannot be reached"):
            body(f"http://127.0.0.1:{closed.getsockname()[1]}/x")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_a_proxy_of_the_environment_is_used(server, body, monkeypatch, name):
    monkeypatch.setenv(name, server.url)
    server.answers["http://pets.example/data.bin"] = server.answers[server.serve("/x", b"through") and "/x"]
    assert body("http://pets.example/data.bin")[0] == b"through"
    assert server.requests[0][1]["Host"] == "pets.example"


def test_no_proxy_is_used_for_the_hosts_in_no_proxy(server, body, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert body(server.serve("/data.bin", b"direct"))[0] == b"direct"


def test_a_proxy_of_another_kind_is_an_error(body, monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(TransientError, match="socks5"):
        body("http://pets.example/data.bin")
