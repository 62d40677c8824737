"""One connection's worth of work: takes messages one after the other, keeps its connection for the next.

Promises: each message taken ends in one `Attempted`, whatever happens: trouble of the host is an outcome, a defect of
ours defers the message and is reported, a stop keeps what is known (a message whose final dot had left is `unknown`)
and gives back the rest untried.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from trackkit.domain.log import Severity
from trackkit.domain.message import Envelope
from trackkit.domain.mx import tries_next_host
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.destinations import Destination, Held
from trackkit.mail.way import Connection, Surroundings
from trackkit.services.attempts import Attempted, Claimed


def _envelope(held: Held) -> Envelope:
    claimed = held.claimed
    whom = tuple(dict.fromkeys([recipient.address for recipient in claimed.recipients]))
    return Envelope(claimed.mail_from, whom, queue_id=claimed.queue_id)


class Crowded(Exception):
    """The host turned a further connection away while others work: the message is to wait for one of those."""


@dataclass(slots=True)
class _Attempt:
    """An attempt under way."""

    started_at: datetime
    host: str
    """Who answered; the destination while nobody has."""
    preface: str
    following: Callable[[], Held | None]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    conversation: Conversation | None = None
    shared: str = ""
    broken_off: set[str] = field(default_factory=set)
    """Hosts that broke off in it."""

    @property
    def text(self) -> str:
        """The conversation to be kept."""
        said = self.shared or (self.conversation.text if self.conversation else "")
        return f"{self.preface}\n{said}" if self.preface else said

    def to_go_on_with(self, rcpt_tos: Iterable[str]) -> tuple[str, ...]:
        """Those of the recipients that may be sent to over another host."""
        return tuple(a for a in rcpt_tos if (o := self.outcomes.get(a)) is not None and tries_next_host(o))


class Lane:
    """At most one connection, and what is sent over it.

    Parameters
    ----------
    opened: is told of each connection: others may follow.
    """

    def __init__(self, shared: Surroundings, opened: Callable[[], None]) -> None:
        self._shared = shared
        self._opened = opened
        self._connection: Connection | None = None
        self._at: Destination | None = None

    async def attempt(self, held: Held, following: Callable[[], Held | None]) -> Attempted:
        """Send a message; cancelling ends the attempt, and this returns what is known then. Raises `Crowded`.

        Parameters
        ----------
        following: the message this lane will be given next, if that is known; it may be asked more than once.
        """
        claimed, envelope = held.claimed, _envelope(held)
        attempt = _Attempt(self._shared.clock(), held.to.way.label, held.preface, following)
        try:
            await self._send(envelope, held, attempt)
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
            attempt.host,
            {r.recipient_id: attempt.outcomes[r.address] for r in claimed.recipients if r.address in attempt.outcomes},
            attempt,
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

    async def _send(self, envelope: Envelope, held: Held, attempt: _Attempt) -> None:
        """Send over the connection there is or a new one, and go on over the next host where one breaks off."""
        if self._connection is not None and (self._at is not held.to or not self._connection.usable):
            await self.close()
        while True:
            delivered = False
            while not delivered:
                if self._connection is None and not await self._open(envelope, held, attempt):
                    return
                delivered = await self._deliver(envelope, held, attempt)
            if self._connection is not None:
                return
            rest = attempt.to_go_on_with(envelope.rcpt_tos)
            if not rest or not await self._another_host(held, attempt):
                return
            envelope = replace(envelope, rcpt_tos=rest)
            for address in rest:
                del attempt.outcomes[address]

    async def _deliver(self, envelope: Envelope, held: Held, attempt: _Attempt) -> bool:
        """Over the connection there is; False when it turned out to be gone, and nothing was sent."""
        connection = self._connection
        assert connection is not None  # noqa: S101 - the caller has opened it
        attempt.host = connection.label
        try:
            delivered = await connection.deliver(
                envelope, held.claimed.raw, attempt.outcomes, partial(self._next, held, attempt)
            )
        finally:
            attempt.conversation = connection.conversation
        if connection.over:
            self.abort()
            attempt.broken_off.add(connection.host)
        return delivered

    def _next(self, held: Held, attempt: _Attempt) -> tuple[Envelope, bytes] | None:
        """What comes after it over the same connection."""
        found = attempt.following()
        return (_envelope(found), found.claimed.raw) if found is not None and found.to is held.to else None

    async def _another_host(self, held: Held, attempt: _Attempt) -> bool:
        """After a host broke off: a connection to another one of the destination."""
        assert attempt.conversation is not None  # noqa: S101 - there has just been one
        opened = await held.to.way.open(attempt.conversation, attempt.broken_off)
        if opened is None or isinstance(opened, Outcome):
            return False
        self._connected(opened, held.to)
        return True

    async def _open(self, envelope: Envelope, held: Held, attempt: _Attempt) -> bool:
        """Open a connection; False when that failed, which then is the outcome for all recipients."""
        hop = held.to.hop
        if not hop.proven:
            async with hop.proving:
                if not hop.proven:
                    return await self._connect(envelope, held, attempt)
        return await self._connect(envelope, held, attempt)

    async def _connect(self, envelope: Envelope, held: Held, attempt: _Attempt) -> bool:
        loop, hop = asyncio.get_running_loop(), held.to.hop
        begun_at = loop.time()
        if failure := hop.shared_failure(held.claimed_at, begun_at):
            attempt.outcomes.update(dict.fromkeys(envelope.rcpt_tos, failure.outcome))
            note = "* [this connection failed for another message a moment ago; it was not tried again for this one]"
            attempt.shared = f"{failure.conversation}\n{note}"
            return False
        conversation = attempt.conversation = Conversation()
        opened = await held.to.way.open(conversation)
        assert opened is not None  # noqa: S101 - nothing was left out
        if not isinstance(opened, Outcome):
            self._connected(opened, held.to)
            return True
        now, mailed = loop.time(), held.claimed.mailed
        if not hop.failed(opened, conversation.text, begun_at, now, mailed=mailed):
            raise Crowded
        attempt.outcomes.update(dict.fromkeys(envelope.rcpt_tos, opened))
        return False

    def _connected(self, connection: Connection, at: Destination) -> None:
        self._connection, self._at = connection, at
        at.hop.opened(asyncio.get_running_loop().time())
        self._opened()

    def _forget(self) -> Connection | None:
        connection, at = self._connection, self._at
        self._connection = self._at = None
        if at is not None:
            at.hop.closed()
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
