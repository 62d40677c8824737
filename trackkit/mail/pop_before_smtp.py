"""POP before SMTP: a mail host that takes mail from whoever has logged in to its POP3 server a moment ago.

Promises: before a connection for sending is opened, the server logs in to the POP3 host, and takes leave; nothing is
fetched, listed or deleted there. A log-in counts for `VALID_SECONDS` (hosts leave the door open for ten minutes or
more), for all connections; a kept connection is not used longer. Where the mail host takes nothing from here although
the log-in is some time ago, the log-in is repeated once within the attempt; what it refuses right after one stands.

Never raises for what happens on the network: that is an `Outcome`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from trackkit.domain.message import Envelope, Following
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict, wants_login
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import PopAccount, Route
from trackkit.mail.transports.connecting import NotOpened, connected
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.transports.opening import Opened
from trackkit.mail.transports.pop3 import Pop3, PopFailed
from trackkit.mail.transports.smtp import SmtpConnection

VALID_SECONDS: Final = 300.0


class Door:
    """Whether the mail host takes mail from here.

    Parameters
    ----------
    clock: monotonic seconds; none = the loop's.
    """

    def __init__(self, account: PopAccount, tls_context: TlsContext, clock: Callable[[], float] | None = None) -> None:
        self._account = account
        self._tls_context = tls_context
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._opened_at = float("-inf")
        self._opening = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the last log-in still counts."""
        return self._clock() - self._opened_at < VALID_SECONDS

    def shut(self) -> None:
        """The mail host takes nothing from here any more."""
        self._opened_at = float("-inf")

    async def open(self, conversation: Conversation) -> bool | Outcome:
        """Log in if that is needed (True) or not (False); else the outcome for whoever was to be sent to."""
        conversation.hide(self._account.password.get_secret_value())
        async with self._opening:
            if self.is_open:
                return False
            try:
                await self._log_in(conversation)
            except PopFailed as failed:
                text = conversation.clean(f"{self._account.label}: {failed.text}")
                conversation.note(text)
                outcome = Outcome(Verdict.temporary, Stage.pop, failed.failure, text=text)
                conversation.refused(outcome)
                return outcome
            self._opened_at = self._clock()
            return True

    async def _log_in(self, conversation: Conversation) -> None:
        account = self._account
        conversation.note(f"POP before SMTP: {account.username} at {account.label}")
        deadline = asyncio.get_running_loop().time() + account.connect_timeout
        context = None if account.encryption == "none" else await asyncio.to_thread(self._tls_context)
        try:
            sock = await connected(account, deadline, conversation)
        except NotOpened as error:
            raise PopFailed(Failure.pop_unreachable, error.outcome.text) from None
        mailbox = Pop3(account, context, conversation)
        try:
            await mailbox.begin(sock, deadline)
            await mailbox.log_in()
        except BaseException:
            mailbox.abort()
            sock.close()
            raise
        await mailbox.quit()


class BehindDoor(SmtpConnection):
    """A connection that was opened after a log-in by POP3.

    Parameters
    ----------
    just_opened: the log-in was made for this very connection; its first message shows what the host takes then.
    """

    def __init__(self, route: Route, opened: Opened, door: Door, just_opened: bool) -> None:
        super().__init__(route, opened)
        self._door = door
        self._just_opened = just_opened

    @property
    def usable(self) -> bool:
        """Not after the log-in has gone stale."""
        return super().usable and self._door.is_open

    async def deliver(
        self, envelope: Envelope, raw: bytes, outcomes: dict[str, Outcome], following: Following | None = None
    ) -> bool:
        """As `SmtpConnection.deliver`; what was refused for want of a log-in is to be tried over a new connection.

        What comes next is not announced: by then the log-in may have gone stale.
        """
        delivered = await super().deliver(envelope, raw, outcomes)
        just_opened, self._just_opened = self._just_opened, False
        refused = {a: outcome for a, outcome in outcomes.items() if wants_login(outcome)}
        if refused and not just_opened:
            self._door.shut()
            self.abort()
            text = "the host takes no mail from here any more: the log-in by POP3 is repeated"
            self.conversation.note(text)
            again = {a: replace(o, verdict=Verdict.temporary, failure=Failure.dropped) for a, o in refused.items()}
            outcomes.update(again)
        return delivered
