"""The MTA-STS policies of domains (RFC 8461), found, fetched and kept.

Promises: a policy is fetched over HTTPS with its certificate verified, without following redirects, and bounded in size
and time; it holds for its `max_age`, also while it cannot be fetched anew, so that nobody gets rid of it by disturbing
the DNS; it is fetched again when its id changes. It is kept in memory: after a restart each is fetched once more.

Never raises: a domain whose policy cannot be had and of which none is kept is treated as having none (§3.3).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from trackkit.domain.mta_sts import NoPolicy, Policy, policy_id, read_policy
from trackkit.mail.resolver import Resolver

_FETCH_SECONDS: Final = 20.0
_LARGEST: Final = 64 * 1024
"""Bytes (§3.3)."""

_AGAIN_SECONDS: Final = 300.0
"""After a policy could not be fetched, it is tried again no sooner (§3.3)."""

_MOST_KEPT: Final = 5_000

Fetch = Callable[[str], Awaitable[str]]
"""The text at a URL; raises `NoPolicy`."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A policy, and until when it holds."""

    policy_id: str
    policy: Policy
    until: float


class Policies:
    """Parameters
    ----------
    clock: monotonic seconds.
    fetch: gets a policy's file.
    """

    def __init__(self, resolver: Resolver, clock: Callable[[], float], fetch: Fetch) -> None:
        self._resolver = resolver
        self._clock = clock
        self._fetch = fetch
        self._kept: dict[str, _Kept] = {}
        self._failed_at: dict[str, float] = {}

    async def of(self, domain: str) -> Policy | None:
        """The policy that holds for a domain now; none when it has none."""
        now = self._clock()
        kept = self._kept.get(domain)
        if kept is not None and kept.until <= now:
            del self._kept[domain]
            kept = None
        answer = await self._resolver.txt(f"_mta-sts.{domain}")
        found = policy_id(answer.records)
        if found is None or (kept is not None and kept.policy_id == found):
            return kept.policy if kept else None
        if now - self._failed_at.get(domain, float("-inf")) < _AGAIN_SECONDS:
            return kept.policy if kept else None
        try:
            policy = read_policy(await self._fetch(f"https://mta-sts.{domain}/.well-known/mta-sts.txt"))
        except NoPolicy:
            _bounded(self._failed_at)
            self._failed_at[domain] = now
            return kept.policy if kept else None
        _bounded(self._kept)
        self._kept[domain] = _Kept(found, policy, now + policy.max_age)
        return policy


def _bounded(kept: dict[str, _Kept] | dict[str, float]) -> None:
    """Make room for one more: the oldest goes."""
    if len(kept) >= _MOST_KEPT:
        del kept[next(iter(kept))]


def https_fetch(tls_context: Callable[[], ssl.SSLContext]) -> Fetch:
    """Fetches over HTTPS; `tls_context` makes the context that verifies, in a thread."""

    async def fetch(url: str) -> str:
        import httpx  # loaded when the first policy is fetched

        context = await asyncio.to_thread(tls_context)
        try:
            async with (
                asyncio.timeout(_FETCH_SECONDS),
                httpx.AsyncClient(verify=context, trust_env=False, timeout=_FETCH_SECONDS) as client,
                client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
            ):
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if response.status_code != httpx.codes.OK or kind != "text/plain":
                    raise NoPolicy(f"the answer is {response.status_code} {kind}")
                content = b""
                async for part in response.aiter_raw():  # undoing a compression has no bound
                    content += part
                    if len(content) > _LARGEST:
                        raise NoPolicy("it is too large")
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise NoPolicy(str(error)) from None
        return content.decode("utf-8", "replace")

    return fetch
