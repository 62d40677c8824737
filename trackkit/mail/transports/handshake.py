"""The TLS handshake of one connection: what it verifies, and what the host has shown when that fails.

Promises
- The verdict falls inside the handshake, so that nothing is sent before it: OpenSSL verifies, or, where an
  administrator trusts this very certificate for the host, its SHA-256 is compared before the handshake counts as done.
  The handshake proves besides that the host holds the certificate's key.
- What does not verify is taken from the handshake that failed. No second connection looks at it: another look could be
  answered by somebody else, and a queue of a thousand mails would make a thousand of them.

That OpenSSL still knows the chain then is so from its version 3 on; with an older one a host is refused as well, but
the list of untrusted certificates does not get it. `SSLContext.sslobject_class` is where Python lets one see the
handshake; asyncio and uvloop both make their connections by it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from trackkit.domain import trust
from trackkit.domain.trust import AskedBy, Reason, Seen
from trackkit.mail.route import Proof, Route
from trackkit.mail.transports.proof import any_certificate, shown

TlsContext = Callable[[], ssl.SSLContext]
"""Makes the context that verifies hosts. It may read files: it is called in a thread."""

_ASKED_BY = {Proof.policy: AskedBy.mta_sts, Proof.dane: AskedBy.dane}


class _AnotherCertificate(ssl.SSLCertVerificationError):
    """Raised where OpenSSL raises what it refuses, so that event loops and libraries take it for the same."""

    verify_code = 0
    verify_message = "another certificate than the trusted one"


class Handshake:
    """The handshake of one connection along `route`, should it come to one.

    Parameters
    ----------
    tls_context: makes a verifying context.
    """

    def __init__(self, route: Route, tls_context: TlsContext) -> None:
        self.route, self._tls_context = route, tls_context
        self.chain: tuple[bytes, ...] = ()
        """What the host has shown, if it was not believed."""
        self.is_another = False
        """The host has shown another certificate than those trusted for it."""
        self.completed: Callable[[bytes], None] = lambda certificate: None
        """Called with the host's certificate once the handshake counts as done."""

    async def context(self) -> ssl.SSLContext:
        """For this connection alone: it verifies if that is what the route asks for, else lets any certificate pass.

        To be asked when it is certain that there will be a handshake: to read all authorities takes longer than to
        send many messages.
        """
        if self.route.proof in (Proof.authority, Proof.policy):
            context = await asyncio.to_thread(_verifying, self.route, self._tls_context)
        else:
            context = any_certificate()
        context.sslobject_class = self._watched()
        return context

    def refused(self, reason: Reason, details: str) -> Seen:
        """What the trust manager keeps of it."""
        asked_by = _ASKED_BY.get(self.route.proof, AskedBy.server)
        return Seen(self.route.host, self.route.port, self.chain, reason, details, asked_by, datetime.now(UTC))

    def _watched(self) -> type[ssl.SSLObject]:
        outer = self

        class Watched(ssl.SSLObject):
            def do_handshake(self) -> None:
                try:
                    super().do_handshake()
                except ssl.SSLCertVerificationError:
                    outer.chain = tuple(shown(self))
                    raise
                outer._compare(self)

        return Watched

    def _compare(self, tls: ssl.SSLObject) -> None:
        own = tls.getpeercert(binary_form=True) or b""
        if self.route.proof is Proof.trusted and sha256(own).digest() not in self.route.trust.certificates:
            self.is_another = True
            raise _AnotherCertificate
        self.completed(own)


def _verifying(route: Route, tls_context: TlsContext) -> ssl.SSLContext:
    context = tls_context()
    if route.proof is Proof.authority and route.trust.authorities:
        # An authority that is not its own issuer is believed as it is: its issuer's certificate need not be there.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=b"".join(route.trust.authorities))
    return context


def reason_of(error: ssl.SSLCertVerificationError) -> tuple[Reason, str]:
    """The reason, and OpenSSL's words."""
    return trust.reason_of(error.verify_code or 0), error.verify_message or str(error)
