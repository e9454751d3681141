"""Send one HTTP request, and tell failures that may pass from failures that last."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from typing import IO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gzslbench._version import VERSION
from gzslbench.errors import DataError

TIMEOUT_S = 30.0
"""Seconds to wait for a connection, and for the next bytes."""
OTHER_COPY = "check the address in a browser, or name another copy with --mirror"
_TRANSIENT_STATUS = (408, 416, 425, 429, 500, 502, 503, 504)


class TransientError(Exception):
    """A failure that another try may solve.

    Attributes:
        status: The status of the answer; 0 if the server did not answer.
        retry_after: Seconds that the server asks to wait before the next try.
    """

    def __init__(self, what: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(what)
        self.status, self.retry_after = status, retry_after


def check_address(url: str) -> None:
    """Raise a DataError unless ``url`` is an http or https address with a host."""
    try:
        is_web = urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        is_web = False
    if not is_web:
        raise DataError("not an http or https address", where=url, fix="name one, as https://host/folder")


def open_url(url: str, headers: Mapping[str, str] | None = None) -> HTTPResponse:
    """Send a GET request, through a proxy if the environment names one, and follow redirects.

    Returns:
        An answer with a status of 200 to 299. Its body is still to be read; its ``url`` is the last address.

    Raises:
        TransientError: It may work later.
        DataError: It will not, or a redirect leads to an address that is not http or https.
    """
    check_address(url)
    # Without "identity" a server may compress on the fly, and lengths and ranges would be of other bytes.
    always = {"User-Agent": f"gzslbench/{VERSION}", "Accept-Encoding": "identity"}
    try:
        request = Request(url, headers={**always, **(headers or {})})
        return cast(HTTPResponse, build_opener(_SafeRedirects).open(request, timeout=TIMEOUT_S))
    except HTTPError as error:
        what = f"the server answers {error.code} {error.reason}".rstrip()
        wait = error.headers.get("Retry-After", "")
        error.close()
        if error.code in _TRANSIENT_STATUS:
            raise TransientError(what, error.code, float(wait) if wait.isdecimal() else 0.0) from error
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
