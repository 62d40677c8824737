"""Fetches a domain's autoconfig file.

Promises: HTTPS only, the certificate verified; every host's addresses are looked up and judged first, and the
connection is made to the very address that was judged, so that no second answer of the DNS leads elsewhere; redirects
are followed to HTTPS on its own port only, each judged in the same way, and not without end; size and time are bounded.
Fails with `NotFetched`.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from trackkit.domain.autoconfig import LARGEST
from trackkit.domain.hosts import can_be_host, host_and_port

if TYPE_CHECKING:
    import httpx

_MOST_REDIRECTS: Final = 2
_CONNECT_SECONDS: Final = 3.0
_NOT_THERE: Final = (404, 410)

Addresses = Callable[[str], Awaitable[tuple[str, ...]]]
"""The addresses of a host that may be connected to; raises `NotFetched`."""


class NotFetched(Exception):
    """There is no file; `absent`: decidedly so, else it could not be had."""

    def __init__(self, reason: str, *, absent: bool = False) -> None:
        super().__init__(reason)
        self.absent = absent


async def fetch(url: str, context: ssl.SSLContext, addresses: Addresses) -> bytes:
    """The content at a URL; raises `NotFetched`. The caller bounds the time for all of it."""
    for _ in range(_MOST_REDIRECTS + 1):
        content, moved = await _one(url, context, addresses)
        if content is not None:
            return content
        url = _joined(url, moved)
    raise NotFetched("it is redirected again and again")


def _joined(url: str, moved: str) -> str:
    try:
        return urljoin(url, moved)
    except ValueError:
        raise NotFetched("it is redirected to what is no address") from None


async def _one(url: str, context: ssl.SSLContext, addresses: Addresses) -> tuple[bytes | None, str]:
    """The content, or where it has moved to."""
    import httpx  # loaded when the first file is fetched

    host, target = _safe(url)
    why = ""
    for address in await addresses(host):
        try:
            request = httpx.Request(
                "GET",
                f"https://{host_and_port(address, 443)}{target}",
                headers={"Host": host, "Accept-Encoding": "identity"},
                extensions={"sni_hostname": host, "timeout": httpx.Timeout(_CONNECT_SECONDS).as_dict()},
            )
            async with httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False) as client:
                response = await client.send(request, stream=True)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            why = str(error) or type(error).__name__
    raise NotFetched(why)


def _safe(url: str) -> tuple[str, str]:
    """Host and target of a URL that may be fetched."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NotFetched("it is redirected to what is no address") from None
    if not (can_be_host(host) and url.isascii() and url.isprintable()):
        raise NotFetched("it is redirected to what is no address")
    if parts.scheme != "https" or port not in (None, 443) or parts.username is not None:
        raise NotFetched("it is redirected to somewhere that is not asked")
    target = parts.path or "/"
    return host, f"{target}?{parts.query}" if parts.query else target


async def _read(response: httpx.Response) -> tuple[bytes | None, str]:
    if response.has_redirect_location:
        return None, response.headers["location"]
    if response.status_code != 200:
        absent = response.status_code in _NOT_THERE
        raise NotFetched(f"the answer is {response.status_code}", absent=absent)
    content = b""
    async for part in response.aiter_raw():  # undoing a compression has no bound
        content += part
        if len(content) > LARGEST:
            raise NotFetched("it is too large")
    return content, ""
