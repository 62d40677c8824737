"""Whether mail comes in as it should: for health, and a Warning before it hurts (SPEC §13, dead-man's switch).

What is looked at: mailboxes that cannot be fetched from, mail that has waited there or here for long, mail in
quarantine, probe mails that did not come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.ages import in_words
from trackkit.domain.errors import TrackkitError
from trackkit.domain.log import Severity
from trackkit.domain.text import counted
from trackkit.domain.tracking.inbox import InboxState
from trackkit.domain.tracking.mailbox import WAITS_LONG, WORDS, Trouble
from trackkit.domain.tracking.probe import LATE
from trackkit.domain.tracking_options import mailbox_of
from trackkit.services import importing
from trackkit.services.environment import Environment
from trackkit.services.fetching import SOURCE, Account, accounts
from trackkit.store import inbox, inbox_listing, mailboxes, round_trips
from trackkit.store.database import Connection
from trackkit.store.mailboxes import MailboxRow
from trackkit.store.round_trips import Missing

_BYTES_KEPT: Final = timedelta(days=30)
_ROWS_KEPT: Final = timedelta(days=90)
"""How long what was decided about and is not at the host any more stays in the inbox."""

_REMIND_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that somebody should know of. `subject`: the mailbox, or the inbox."""

    severity: Severity
    subject: str
    words: str
    next_step: str
    option: str = ""
    waits: bool = False
    """It is about mail that waits."""


def findings(environment: Environment) -> Iterator[Finding]:
    """What is amiss now."""
    now = environment.clock()

    def work(connection: Connection) -> tuple[dict[str, MailboxRow], datetime | None, dict[str, int]]:
        oldest, counts = inbox_listing.oldest_undecided(connection), inbox_listing.counts(connection)
        return mailboxes.every(connection), oldest, counts

    rows, oldest, counts = environment.store.read(work)
    found: list[Account] = []
    try:
        found = accounts(environment)
    except TrackkitError as error:  # secret.key does not fit, for one
        words = f"It cannot be seen which mailboxes there are, and no mail is fetched: {error.message}"
        yield Finding(Severity.error, "mailboxes", words, error.advice)
    own = mailbox_of(environment.options.current.tracking)
    for account in found:
        row = rows.get(account.mailbox.key)
        if row is not None:
            yield from _of_mailbox(row, now, is_own=own is not None and own.key == row.mailbox)
    if oldest is not None and now - oldest >= WAITS_LONG:
        words = f"Mail that was fetched {in_words(now - oldest)} ago is not filed yet."
        step = "Bring back the database of its project, or look into the server log; it is tried at each fetching."
        yield Finding(Severity.warning, "inbox", words, step, waits=True)
    for one in environment.store.read(lambda connection: round_trips.missing(connection, now - LATE)):
        if any(one.mailbox == account.mailbox.key for account in found):
            yield _of_probe(one, now)
    if quarantined := counts.get(InboxState.quarantined, 0):
        words = f"{counted(quarantined, 'mail')} that came in cannot be filed without a person's decision."
        step = "Look at each with its replay, then reprocess or discard it."
        yield Finding(Severity.warning, "quarantine", words, step)


def _of_mailbox(row: MailboxRow, now: datetime, *, is_own: bool) -> Iterator[Finding]:
    """`is_own`: it is the one that the server's options name."""
    subject = f"mailbox {row.mailbox}"
    if row.failing_since is not None and row.failure:
        said = WORDS[Trouble(row.failure)]
        since = in_words(now - row.failing_since)
        words = f"No mail could be fetched from {row.mailbox} for {since}: {said.words.format(text=row.text)}"
        severity = Severity.error if now - row.failing_since >= WAITS_LONG else Severity.warning
        yield Finding(severity, subject, words, said.advice, f"tracking.{said.option}" if is_own else "")
    if row.waiting_since is not None and now - row.waiting_since >= WAITS_LONG:
        waited = in_words(now - row.waiting_since)
        words = f"{counted(row.waiting, 'message')} in {row.mailbox} could not be fetched, the oldest for {waited}."
        yield Finding(Severity.warning, subject, words, "Test the mailbox, and read its last conversation.", waits=True)


def _of_probe(one: Missing, now: datetime) -> Finding:
    ago = in_words(now - one.sent_at)
    where = "is in the mail queue still" if one.waits else "left the mail queue, and did not come back"
    words = f"The probe mail {one.queue_id} to the tracking address of {one.mailbox} was sent {ago} ago: it {where}."
    step = (
        f"Look into the mail queue why {one.queue_id} does not leave."
        if one.waits
        else "Look at the address, at rules and spam folders of its account, and test the mailbox."
    )
    return Finding(Severity.warning, f"round trip {one.mailbox}", words, step, waits=True)


class InboxWatch:
    """Warns of mail that waits, again each day while it does; and lets go of what nobody needs any more."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._warned: dict[str, datetime] = {}

    def look(self) -> None:
        """Look now."""
        now = self._environment.clock()
        waiting = {one.subject: one for one in findings(self._environment) if one.waits}
        self._warned = {subject: at for subject, at in self._warned.items() if subject in waiting}
        for subject, one in waiting.items():
            if subject not in self._warned or now - self._warned[subject] >= _REMIND_AFTER:
                self._warned[subject] = now
                self._environment.log.write(one.severity, SOURCE, one.words, one.next_step)

    def tidy(self) -> None:
        """Let go of old bytes and rows, and of mailboxes that are not fetched from any more; have what came from those
        decided about, since no fetching does it.

        What is not decided about, or in quarantine, stays.
        """
        now = self._environment.clock()
        kept = [account.mailbox.key for account in accounts(self._environment)]

        def work(connection: Connection) -> None:
            inbox_listing.purge(connection, now - _BYTES_KEPT, now - _ROWS_KEPT)
            mailboxes.forget(connection, kept)

        self._environment.store.write(work)
        if self._environment.options.current.tracking.enabled:
            for key in sorted(self._environment.store.read(inbox.undecided_mailboxes).difference(kept)):
                importing.import_fetched(self._environment, key)
