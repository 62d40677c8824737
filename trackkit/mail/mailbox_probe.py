"""A test of a mailbox: the real way, step by step, as far as the list of what waits there. Nothing is fetched or
deleted.

Promises: it ends within `LONGEST_SECONDS` and can be cancelled at any moment; secrets are masked in all it tells.
Never fails for what happens on the network: that is an `Ending`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from trackkit.domain.fixes import TRUST, Fix
from trackkit.domain.probe_steps import Ending, StepKind
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.domain.text import counted
from trackkit.domain.tracking.mailbox import Listed
from trackkit.domain.tracking_options import Mailbox
from trackkit.domain.trust import Trusted, trust_of
from trackkit.mail.mailbox import opened
from trackkit.mail.probe_steps import Tell, Watched
from trackkit.mail.transports.handshake import TlsContext
from trackkit.mail.transports.maildrop import Maildrop
from trackkit.mail.transports.pop3 import PopFailed

LONGEST_SECONDS: Final = 300.0


class _Watched(Watched):
    """What a POP3 host says is what came of a step."""

    def heard(self, line: str) -> None:
        """As `Conversation.heard`."""
        super().heard(line)
        kind = self._now[0] if self._now is not None else None
        if kind is StepKind.login or (kind is StepKind.greeting and not self._said):
            self._said = line


class MailboxProbe:
    """Tests mailboxes.

    Parameters
    ----------
    tls_context: makes the context that verifies hosts.
    longest: seconds.
    """

    def __init__(self, tls_context: TlsContext, longest: float = LONGEST_SECONDS) -> None:
        self._tls_context, self._longest = tls_context, longest

    async def __call__(self, mailbox: Mailbox, trusted: tuple[Trusted, ...], tell: Tell) -> Ending:
        """Test, and tell each step as it goes."""
        watched = _Watched(tell, asyncio.get_running_loop().time, "")
        outcome: Outcome | None = None
        try:
            async with asyncio.timeout(self._longest):
                await self._test(mailbox, trusted, watched)
        except PopFailed as failed:
            text = watched.clean(failed.text)
            outcome = Outcome(Verdict.temporary, Stage.pop, failed.failure, text=text, certificate=failed.seen)
        except TimeoutError:
            text = f"the test was given up after {self._longest:g} seconds"
            outcome = Outcome(Verdict.temporary, Stage.pop, Failure.pop_unreachable, text=text)
        if outcome is not None:
            watched.refused(outcome)
        watched.end()
        fixes: tuple[Fix, ...] = ()
        if outcome is not None and outcome.certificate is not None:
            fixes = (Fix(TRUST, "Trust the certificate", host=mailbox.host, port=mailbox.port),)
        return Ending(outcome, fixes=fixes, conversation=watched.text)

    async def _test(self, mailbox: Mailbox, trusted: tuple[Trusted, ...], watched: _Watched) -> None:
        watched.begin(StepKind.settings, "")
        watched.end(said=f"{mailbox.key}, encryption '{mailbox.encryption}', mail to {mailbox.address}")
        trust = trust_of(trusted, mailbox.host, mailbox.port)
        maildrop = await opened(mailbox, trust, self._tls_context, watched)
        try:
            watched.begin(StepKind.mailbox, maildrop.label)
            said = _found(await maildrop.look(), maildrop)
            watched.end(said=said)
            await maildrop.quit()
        finally:
            maildrop.abort()


def _found(listed: list[Listed], maildrop: Maildrop) -> str:
    """What is in the mailbox, and what the host can do, in a line."""
    words = f"{counted(len(listed), 'message')} in the mailbox"
    if listed and not all(one.uidl for one in listed):
        words += "; the host does not name them (UIDL), so that what stays there is fetched again each time"
    if maildrop.pipelining:
        words += "; commands may go together (PIPELINING)"
    return words
