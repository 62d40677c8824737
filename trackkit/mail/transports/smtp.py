"""One message after the other over one SMTP connection: MAIL, RCPT, DATA (RFC 5321 §3.3), an outcome per recipient.

Promises: what one recipient is refused for, the others are not; a host's 421, silence, nonsense or going away ends
the connection and leaves the open recipients temporary; once the final dot may have left, a lost connection is
`Verdict.unknown`, never a guess; after anything but success no new MAIL without RSET (RFC 5321 §4.1.1.5); the bytes
on the wire are what `content.prepared` makes of the message, dots doubled (§4.5.2).

Fails in no way of its own: trouble is an outcome. `connect` returns the outcome instead of a connection then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trackkit.domain.addresses import needs_utf8
from trackkit.domain.message import Envelope, Following
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import CLOSING, Failure, Outcome, Stage, Verdict, outcome_of
from trackkit.mail.access_tokens import AccessTokens
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Route
from trackkit.mail.transports.connecting import NotOpened
from trackkit.mail.transports.content import Content, prepared, takes_utf8
from trackkit.mail.transports.envelope_lines import RECIPIENTS_AT_A_TIME, mail_line, parts_of, rcpt_line
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.transports.opening import Opened, open_connection
from trackkit.mail.transports.wire import Ended, Reply

LARGE = 1024 * 1024
"""Bytes of a message from which on it is made ready in a thread."""

_LEAVE_SECONDS = 2.0


async def connect(
    route: Route,
    tls_context: TlsContext,
    name: str,
    conversation: Conversation,
    tokens: AccessTokens | None = None,
    made: Callable[[Route, Opened], SmtpConnection] | None = None,
) -> SmtpConnection | Outcome:
    """Open a connection along `route`, or the outcome for every recipient that was to be sent to.

    Parameters
    ----------
    tls_context: makes the context that verifies the host.
    name: what to say in EHLO.
    conversation: where to write everything down.
    tokens: where access tokens come from, for a log-in that needs one.
    made: makes the connection of what was opened.
    """
    if route.login is not None and route.login.password is not None:
        conversation.hide(route.login.password.get_secret_value())
    try:
        opened = await open_connection(route, tls_context, name, conversation, tokens)
    except NotOpened as refused:
        return refused.outcome
    return (made or SmtpConnection)(route, opened)


class _Over(Exception):
    """The connection is over; `outcome` is for the recipients still open."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A message whose commands went with the one before it."""

    envelope: Envelope
    raw: bytes
    content: Content
    lines: Sequence[str]


class SmtpConnection:
    """An open connection to a mail host, used for one message at a time.

    While it is known what comes next, the commands for it go with the content of the message before, so that each takes
    one way there and back (RFC 2920 §3.1). Whoever then sends something else finds the connection over.
    """

    def __init__(self, route: Route, opened: Opened) -> None:
        self.route = route
        self._wire = opened.wire
        self._extensions = opened.extensions
        self.label = route.label
        """The host as attempts name it."""
        self.host = route.host
        self._kept = f"on a connection to {self.label}, {opened.description}"
        self._messages = 0
        self._needs_reset = False
        self._stage = Stage.sender
        self._accepted: list[str] = []
        self._ahead: _Ahead | None = None

    @property
    def conversation(self) -> Conversation:
        """What was said about the current or last message; of the first one also how the connection came about."""
        return self._wire.conversation

    @property
    def over(self) -> bool:
        """Whether either side has ended it."""
        return self._wire.closed

    @property
    def usable(self) -> bool:
        """Whether another message may be sent over it."""
        return not self.over and not (self.route.one_message_per_connection and self._messages)

    async def deliver(
        self, envelope: Envelope, raw: bytes, outcomes: dict[str, Outcome], following: Following | None = None
    ) -> bool:
        """Send a message; fill in an outcome for each recipient as soon as it is known.

        Parameters
        ----------
        outcomes: is filled, by address. When this is cancelled or raises, what stands in it holds, and who is missing
            was not sent to.
        following: may be asked for what comes next.

        Returns False when the connection had been kept from an earlier message and turned out to be over before this
        one was begun: then nothing was tried, and a new connection will tell.
        """
        kept, self._messages = self._messages > 0, self._messages + 1
        if kept:
            conversation = self._wire.conversation = self.conversation.fresh()
            conversation.note(f"message {self._messages} {self._kept}")
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            if ahead.raw is raw and ahead.envelope == envelope:
                return await self._deliver(envelope, envelope.rcpt_tos, ahead.content, outcomes, following, ahead)
            self._wire.abort()  # the host waits for another message
            return False
        # What takes long must not keep other connections waiting.
        is_large = len(raw) >= LARGE
        content = (
            await asyncio.to_thread(prepared, raw, self._extensions) if is_large else prepared(raw, self._extensions)
        )
        if isinstance(content, Outcome):
            self.conversation.note(content.text)
            outcomes.update(dict.fromkeys(envelope.rcpt_tos, content))
            return True
        if content.was_converted:
            self.conversation.note("the message goes in another encoding, with the same content, for this host")
        return await self._deliver(envelope, self._reachable(envelope, outcomes), content, outcomes, following)

    async def _deliver(
        self,
        envelope: Envelope,
        reachable: Sequence[str],
        content: Content,
        outcomes: dict[str, Outcome],
        following: Following | None,
        ahead: _Ahead | None = None,
    ) -> bool:
        """To those of the recipients that can be reached; as `deliver`."""
        refused = len(outcomes)
        try:
            for part, is_last in parts_of(reachable):
                await self._transaction(
                    envelope.mail_from, part, content, outcomes, following if is_last else None, ahead
                )
        except _Over as over:
            self._wire.abort()
            if self._messages > 1 and len(outcomes) == refused and self._stage is Stage.sender:
                outcomes.clear()
                return False
            self._leave_open_ones(envelope, over.outcome, outcomes)
        except BaseException:
            self._wire.abort()
            if self._wire.message_complete:
                text = "the server stopped before the host had answered"
                unknown = Outcome(Verdict.unknown, Stage.final_dot, Failure.interrupted, text=text)
                outcomes.update({a: unknown for a in self._accepted if a not in outcomes})
            raise
        return True

    async def ask(self, envelope: Envelope, raw: bytes) -> Outcome | None:
        """Why the host would not take this message, which is not sent; none = it would. `deliver` resets it."""
        content, outcomes = prepared(raw, self._extensions), dict[str, Outcome]()
        whom = self._reachable(envelope, outcomes)
        if outcomes:
            return next(iter(outcomes.values()))
        if isinstance(content, Outcome):
            self.conversation.reached(content.stage, self.label)
            return content
        mail = mail_line(envelope.mail_from, whom, content, self._extensions)
        try:
            for stage, line in ((Stage.sender, mail), *((Stage.recipient, rcpt_line(address)) for address in whom)):
                self.conversation.reached(stage, self.label)
                reply, self._needs_reset = await self._said(stage, line), True
                if not reply.positive:
                    return self._outcome(reply)
        except _Over as over:
            self._wire.abort()
            return over.outcome
        return None

    async def close(self) -> None:
        """Take leave politely, but not for long."""
        if self._ahead is not None:  # the host waits for a message, and would not understand
            self._wire.abort()
        await self._wire.quit(_LEAVE_SECONDS)

    def abort(self) -> None:
        """Close at once."""
        self._wire.abort()

    async def _transaction(
        self,
        mail_from: str,
        recipients: Sequence[str],
        content: Content,
        outcomes: dict[str, Outcome],
        following: Following | None,
        ahead: _Ahead | None,
    ) -> None:
        self._wire.message_complete = False
        self._accepted = []
        if ahead is not None:
            self.conversation.sent("\r\n".join(ahead.lines))
            reply = await self._announced(recipients, outcomes, resets=True)
        else:
            mail = mail_line(mail_from, recipients, content, self._extensions)
            announce = self._announce_at_once if "pipelining" in self._extensions else self._announce
            reply = await announce(mail, recipients, outcomes)
        if reply is None:
            return
        if not reply.refusal:
            reply = await self._send(content, self._look_ahead(following) if following is not None else None)
        outcomes.update(dict.fromkeys(self._accepted, self._outcome(reply)))
        self._needs_reset = not reply.positive

    async def _announce(self, mail: str, recipients: Sequence[str], outcomes: dict[str, Outcome]) -> Reply | None:
        """Everything up to DATA, one after the other; its reply, none when there is nobody to send to."""
        if self._needs_reset:
            self._reset(await self._said(Stage.sender, "RSET"))
        self._needs_reset = True
        reply = await self._said(Stage.sender, mail)
        if not reply.positive:
            outcomes.update(dict.fromkeys(recipients, self._outcome(reply)))
            return None
        for address in recipients:
            self._answered(address, await self._said(Stage.recipient, rcpt_line(address)), outcomes)
        return await self._said(Stage.data, "DATA", expected=3) if self._accepted else None

    async def _announce_at_once(
        self, mail: str, recipients: Sequence[str], outcomes: dict[str, Outcome]
    ) -> Reply | None:
        """The same for a host that takes commands without waiting for its replies (RFC 2920): one way there and back.

        It may ask for the message although it refused everybody; an empty one takes the transaction back then (§3.1).
        """
        resets = self._needs_reset
        self._stage = Stage.sender
        try:
            self._wire.say(*(["RSET"] if resets else []), mail, *map(rcpt_line, recipients), "DATA")
        except Ended as ended:
            raise self._over(ended) from None
        return await self._announced(recipients, outcomes, resets=resets)

    async def _announced(
        self, recipients: Sequence[str], outcomes: dict[str, Outcome], *, resets: bool
    ) -> Reply | None:
        """The reply to DATA, after those to what went before it; as `_announce`."""
        self._needs_reset = True
        if resets:
            self._reset(await self._heard(Stage.sender))
        sender = await self._heard(Stage.sender)
        if not sender.positive:
            outcomes.update(dict.fromkeys(recipients, self._outcome(sender)))
        for address in recipients:
            reply = self._at_hand(Stage.recipient) or await self._heard(Stage.recipient)
            if sender.positive:
                self._answered(address, reply, outcomes)
        reply = self._at_hand(Stage.data, 3) or await self._heard(Stage.data, 3)
        if self._accepted:
            return reply
        if not reply.refusal:
            await self._said(Stage.data, ".")
        return None

    def _reachable(self, envelope: Envelope, outcomes: dict[str, Outcome]) -> Sequence[str]:
        """The recipients whose addresses this host takes; the others have failed."""
        if "".join((envelope.mail_from, *envelope.rcpt_tos)).isascii() or takes_utf8(self._extensions):
            return envelope.rcpt_tos
        if needs_utf8(envelope.mail_from):
            outcomes.update(dict.fromkeys(envelope.rcpt_tos, self._not_taken(Stage.sender, envelope.mail_from)))
        else:
            outcomes.update({a: self._not_taken(Stage.recipient, a) for a in filter(needs_utf8, envelope.rcpt_tos)})
        return [a for a in envelope.rcpt_tos if a not in outcomes]

    def _not_taken(self, stage: Stage, address: str) -> Outcome:
        """What a host without SMTPUTF8 makes of an address (RFC 6531 §3.5)."""
        text = f"{address} holds characters other than ASCII before the @, which the host does not take (no SMTPUTF8)"
        self.conversation.reached(stage, self.label)
        self.conversation.note(text)
        return Outcome(Verdict.permanent, stage, Failure.replied, 553, "5.6.7", text, reason=Reason.not_ascii)

    def _reset(self, reply: Reply) -> None:
        """What was left over of an earlier transaction is gone, or the connection is over: that is nobody's failure."""
        if not reply.positive:
            raise _Over(replace(self._outcome(reply), verdict=Verdict.temporary))

    def _answered(self, address: str, reply: Reply, outcomes: dict[str, Outcome]) -> None:
        if reply.positive:
            self._accepted.append(address)
        else:
            outcomes[address] = self._outcome(reply)

    async def _said(self, stage: Stage, line: str, expected: int = 2) -> Reply:
        """The reply to a command: of the expected class, or a refusal. Anything else ends the connection."""
        self._stage = stage
        try:
            self._wire.say(line)
        except Ended as ended:
            raise self._over(ended) from None
        return await self._heard(stage, expected)

    async def _heard(self, stage: Stage, expected: int = 2) -> Reply:
        """The next reply; as `_said`."""
        self._stage = stage
        try:
            return self._sensible(await self._wire.reply(), expected)
        except Ended as ended:
            raise self._over(ended) from None

    def _at_hand(self, stage: Stage, expected: int = 2) -> Reply | None:
        """The same if it has come already: replies to what was sent at once mostly come at once."""
        self._stage = stage
        try:
            reply = self._wire.reply_at_hand()
            return self._sensible(reply, expected) if reply is not None else None
        except Ended as ended:
            raise self._over(ended) from None

    def _look_ahead(self, following: Following) -> _Ahead | None:
        """What comes next, if its commands can go with the content of this message."""
        if "pipelining" not in self._extensions or self.route.one_message_per_connection:
            return None
        found = following()
        if found is None:
            return None
        envelope, raw = found
        whom = envelope.rcpt_tos
        if len(raw) >= LARGE or len(whom) > RECIPIENTS_AT_A_TIME or not "".join((envelope.mail_from, *whom)).isascii():
            return None
        content = prepared(raw, self._extensions)
        if isinstance(content, Outcome) or content.was_converted:
            return None
        lines = ("RSET", mail_line(envelope.mail_from, whom, content, self._extensions), *map(rcpt_line, whom), "DATA")
        return _Ahead(envelope, raw, content, lines)

    async def _send(self, content: Content, ahead: _Ahead | None) -> Reply:
        """The reply to the message itself."""
        try:
            reply = await self._wire.content(content.stuffed, ahead.lines if ahead is not None else ())
            if self._wire.message_complete:
                self._stage, self._ahead = Stage.final_dot, ahead
            reply = self._sensible(reply, 2)
        except Ended as ended:
            self._stage = Stage.final_dot if self._wire.message_complete else Stage.data
            raise self._over(ended) from None
        if not self._wire.message_complete:
            # Refused half-way: the host still waits for the rest, so no further command would be understood.
            self._wire.abort()
        return reply

    def _sensible(self, reply: Reply, expected: int) -> Reply:
        if reply.code // 100 == expected:
            return reply
        if reply.code == CLOSING:
            raise _Over(self._outcome(reply))
        if not reply.refusal:
            raise Ended(Failure.garbled, f"the host answered what makes no sense here: {reply.code} {reply.text}")
        return reply

    def _over(self, ended: Ended) -> _Over:
        text = self.conversation.clean(ended.text)
        return _Over(Outcome(Verdict.temporary, self._stage, ended.failure, text=text))

    def _outcome(self, reply: Reply) -> Outcome:
        return outcome_of(self._stage, reply.code, self.conversation.clean(reply.text))

    def _leave_open_ones(self, envelope: Envelope, outcome: Outcome, outcomes: dict[str, Outcome]) -> None:
        """Whoever has no outcome yet gets this one; whose message may have arrived, as unknown.

        A reply (421) after the final dot is none of that: the host has said that it did not take the message.
        """
        replied = outcome.failure is Failure.replied
        for address in envelope.rcpt_tos:
            if address in outcomes:
                continue
            if self._wire.message_complete and not replied and address in self._accepted:
                outcomes[address] = Outcome(Verdict.unknown, Stage.final_dot, outcome.failure, text=outcome.text)
            else:
                outcomes[address] = outcome
