"""One request for a file over http or https, and what its failures mean."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse, InvalidURL
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from gzslbench._version import VERSION
from gzslbench.errors import DataError

REDIRECTS = 5
"""How often one request may be sent elsewhere."""
_REDIRECTED = (301, 302, 303, 307, 308)
_PASSING = (408, 416, 425, 429, 500, 502, 503, 504)
_ELSEWHERE = "check the address in a browser, or name another copy with --mirror"
_NETWORK = "check the connection, and https_proxy and http_proxy if you need them; or use --mirror"


class HitchError(Exception):
    """A failure that another try may mend.

    Attributes:
        what: What happened.
        wait: Seconds that the server asks to wait.
        status: The server's answer, 0 where there was none.
    """

    def __init__(self, what: str, wait: float = 0.0, status: int = 0) -> None:
        super().__init__(what)
        self.what, self.wait, self.status = what, wait, status


def open_url(url: str, headers: Mapping[str, str], timeout: float) -> HTTPResponse:
    """Ask for ``url``, through a proxy where the environment names one, and follow redirects.

    Args:
        url: Where to begin.
        headers: Sent with every request.
        timeout: Seconds that connecting, and every wait for bytes, may take.

    Returns:
        An answer with a status of 200 to 299, its body still to be read; ``url`` of it is where it ended.

    Raises:
        HitchError: It may work later.
        DataError: It will not, or a redirect leads away from http and https.
    """
    check_address(url)
    opener = _opener()
    headers = {"User-Agent": f"gzslbench/{VERSION}", "Accept-Encoding": "identity", **headers}
    for _ in range(REDIRECTS + 1):
        try:
            request = Request(url, headers=headers)
            return cast(HTTPResponse, opener.open(request, timeout=timeout))
        except HTTPError as error:
            with error:
                if error.code not in _REDIRECTED or not error.headers.get("Location"):
                    raise _failure(error, url) from error
                url = _next(url, error.headers["Location"])
        except (InvalidURL, ValueError) as error:
            raise DataError(f"no address to fetch from: {error}", where=url, fix=_ELSEWHERE) from error
        except (URLError, HTTPException, OSError) as error:
            raise _unreached(error, url) from error
    raise DataError(f"more than {REDIRECTS} redirects", where=url, fix=_ELSEWHERE)


def check_address(url: str) -> None:
    """Raise a DataError unless ``url`` is an http or https address."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound:
        raise DataError("no http or https address", where=url, fix="name one, as https://host/folder")


def _opener() -> OpenerDirector:
    """An opener that knows http and https and nothing else, and leaves redirects alone."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler,
        UnknownHandler,
        HTTPHandler,
        HTTPSHandler,
        HTTPDefaultErrorHandler,
        HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _next(url: str, location: str) -> str:
    """Where a redirect leads."""
    try:
        target = urljoin(url, quote(location, safe="%/:=&?~#+!$,;'@()*[]"))
        kept = urlsplit(target).scheme in ("https", urlsplit(url).scheme)
    except ValueError:
        target, kept = location, False
    if not kept:
        raise DataError(f"a redirect leads to {target!r}, and is not followed", where=url, fix=_ELSEWHERE)
    return target


def _failure(error: HTTPError, url: str) -> HitchError | DataError:
    what = f"the server answers {error.code} {error.reason}".rstrip()
    if error.code in _PASSING:
        wait = error.headers.get("Retry-After", "")
        return HitchError(what, float(wait) if wait.isascii() and wait.isdigit() else 0.0, error.code)
    return DataError(what, where=url, fix=_ELSEWHERE)


def _unreached(error: Exception, url: str) -> HitchError | DataError:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DataError(f"the server cannot be trusted: {reason}", where=url, fix=_ELSEWHERE)
    return HitchError(f"the server cannot be reached: {reason or type(reason).__name__}")


def gave_up(hitch: HitchError, url: str, tries: int) -> DataError:
    """What to tell the user when the last of ``tries`` has failed."""
    fix = _ELSEWHERE if hitch.status else _NETWORK
    return DataError(
        f"{hitch.what} ({tries} tries)", where=url, fix=f"{fix}; fetching again goes on from here"
    )
