"""A look at a mail host: greeting, EHLO, encryption, and which log-ins it offers; then leave again.

Nobody logs in and nothing is sent. What is looked at is what sending would meet: the same opening, the same verified
certificate.
"""

from __future__ import annotations

from dataclasses import dataclass

from trackkit.domain.replies import Outcome
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Route
from trackkit.mail.transports.connecting import NotOpened
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.transports.opening import open_connection

_LEAVE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What the host is like: whether the connection became encrypted, and the log-ins it then offers, in capitals."""

    encrypted: bool
    offers: frozenset[str]


async def look_at(route: Route, tls_context: TlsContext, name: str) -> Looked | Outcome:
    """Look at the host at the end of a route without a log-in; the outcome when there is no way to talk to it.

    Parameters
    ----------
    tls_context: makes the context that verifies the host.
    name: what to say in EHLO.
    """
    try:
        opened = await open_connection(route, tls_context, name, Conversation())
    except NotOpened as refused:
        return refused.outcome
    try:
        await opened.wire.quit(_LEAVE_SECONDS)
    except BaseException:
        opened.wire.abort()
        raise
    return Looked(opened.encrypted, frozenset(opened.extensions.get("auth", "").upper().split()))
