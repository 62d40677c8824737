"""One connection's worth of work: takes messages one after the other, keeps its connection for the next.

Promises: each message taken ends in one `Attempted`, whatever happens: trouble of the host is an outcome, a defect of
ours defers the message and is reported, a stop keeps what is known (a message whose final dot had left is `unknown`)
and gives back the rest untried.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from trackkit.domain.log import Severity
from trackkit.domain.message import Envelope
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.next_hop import NextHop, Report
from trackkit.mail.settling import Held
from trackkit.mail.transports.opening import TlsContext
from trackkit.mail.transports.smtp import SmtpConnection, connect
from trackkit.services.delivery import Attempted, Claimed


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all lanes share."""

    clock: Callable[[], datetime]
    report: Report
    tls_context: TlsContext
    ehlo_name: str


class Crowded(Exception):
    """The host turned a further connection away while others work: the message is to wait for one of those."""


@dataclass(slots=True)
class _Attempt:
    """An attempt under way."""

    started_at: datetime
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    conversation: Conversation | None = None
    shared: str = ""

    @property
    def text(self) -> str:
        """The conversation to be kept."""
        return self.shared or (self.conversation.text if self.conversation else "")


class Lane:
    """At most one connection, and what is sent over it."""

    def __init__(self, shared: Surroundings) -> None:
        self._shared = shared
        self._connection: SmtpConnection | None = None
        self._hop: NextHop | None = None

    async def attempt(self, held: Held, hop: NextHop) -> Attempted:
        """Send a message; cancelling ends the attempt, and this returns what is known then. Raises `Crowded`."""
        claimed = held.claimed
        envelope = Envelope(claimed.mail_from, tuple(dict.fromkeys(r.address for r in claimed.recipients)))
        attempt = _Attempt(self._shared.clock())
        try:
            await self._send(envelope, held, hop, attempt)
        except asyncio.CancelledError:
            self.abort()
        except Crowded:
            raise
        except Exception as error:  # noqa: BLE001 - one message's trouble must not end the engine
            self.abort()
            self._defect(claimed, envelope, attempt, error)
        return Attempted(
            claimed,
            attempt.started_at,
            self._shared.clock(),
            hop.route.label,
            {r.recipient_id: attempt.outcomes[r.address] for r in claimed.recipients if r.address in attempt.outcomes},
            attempt.text,
        )

    async def close(self) -> None:
        """Take leave of the host, if there is a connection."""
        connection = self._forget()
        if connection is not None:
            await connection.close()

    def abort(self) -> None:
        """Close at once."""
        connection = self._forget()
        if connection is not None:
            connection.abort()

    async def _send(self, envelope: Envelope, held: Held, hop: NextHop, attempt: _Attempt) -> None:
        if self._connection is not None and (self._hop is not hop or not self._connection.usable):
            await self.close()
        delivered = False
        while not delivered:
            kept = self._connection
            if kept is None and not await self._open(envelope, held, hop, attempt):
                return
            connection = self._connection
            assert connection is not None  # noqa: S101 - `_open` has just made one
            try:
                delivered = await connection.deliver(envelope, held.claimed.raw, attempt.outcomes)
            finally:
                attempt.conversation = connection.conversation
            if connection.over:
                self.abort()

    async def _open(self, envelope: Envelope, held: Held, hop: NextHop, attempt: _Attempt) -> bool:
        """Open a connection; False when that failed, which then is the outcome for all recipients."""
        if not hop.proven:
            async with hop.proving:
                if not hop.proven:
                    return await self._connect(envelope, held, hop, attempt)
        return await self._connect(envelope, held, hop, attempt)

    async def _connect(self, envelope: Envelope, held: Held, hop: NextHop, attempt: _Attempt) -> bool:
        loop = asyncio.get_running_loop()
        begun_at = loop.time()
        if failure := hop.shared_failure(held.claimed_at, begun_at):
            attempt.outcomes.update(dict.fromkeys(envelope.rcpt_tos, failure.outcome))
            note = "* [this connection failed for another message a moment ago; it was not tried again for this one]"
            attempt.shared = f"{failure.conversation}\n{note}"
            return False
        conversation = attempt.conversation = Conversation()
        opened = await connect(hop.route, self._shared.tls_context, self._shared.ehlo_name, conversation)
        if isinstance(opened, Outcome):
            now, mailed = loop.time(), held.claimed.mailed
            if not hop.failed(opened, conversation.text, begun_at, now, mailed=mailed):
                raise Crowded
            attempt.outcomes.update(dict.fromkeys(envelope.rcpt_tos, opened))
            return False
        self._connection, self._hop = opened, hop
        hop.opened(loop.time())
        return True

    def _forget(self) -> SmtpConnection | None:
        connection, hop = self._connection, self._hop
        self._connection = self._hop = None
        if hop is not None:
            hop.closed()
        return connection

    def _defect(self, claimed: Claimed, envelope: Envelope, attempt: _Attempt, error: Exception) -> None:
        """Defer the message: it may work after an update, and nothing is lost meanwhile."""
        details = "".join(traceback.format_exception(error))
        if attempt.conversation is not None:
            details = attempt.conversation.clean(details)
        words = f"Sending {claimed.queue_id} failed on a defect of trackkit; it is deferred."
        self._shared.report(Severity.error, words, details, mailed=claimed.mailed)
        text = f"a defect of trackkit ({type(error).__name__}); see the server log"
        outcome = Outcome(Verdict.temporary, Stage.data, Failure.defect, text=text)
        attempt.outcomes.update({a: outcome for a in envelope.rcpt_tos if a not in attempt.outcomes})
