"""`server.tracking`: mailboxes, what came in, quarantine, replay, and the e-mail set-up of projects."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from trackkit.client.call import Caller
from trackkit.client.mail import Mail
from trackkit.client.mail_test import SettingsTest
from trackkit.client.paging import follow
from trackkit.contract import email_answers, tracking
from trackkit.contract import inbox as inbox_contract
from trackkit.domain.errors import InvalidInput
from trackkit.domain.tracking.inbox import InboxState

if TYPE_CHECKING:
    import pandas as pd


class TrackingPart:
    """E-mail tracking of a server."""

    def __init__(self, caller: Caller, server: str, mail: Mail) -> None:
        self._caller = caller
        self._server = server
        self._mail = mail

    def status(self) -> tracking.TrackingStatus:
        """Mailboxes, counts of what came in, probe mails, keys."""
        return self._caller.ask(tracking.STATUS)

    def check(self, database: str) -> tracking.Check:
        """The eight steps of the set-up for a project, and what is missing."""
        return self._caller.ask(tracking.CHECK, database=database)

    def settings(self, database: str) -> tracking.ProjectMailSettings:
        """The e-mail settings of a project."""
        return self._caller.ask(tracking.SETTINGS, database=database)

    def set(
        self, database: str, values: Mapping[str, tracking.Value | SecretStr], revision: int | None = None
    ) -> tracking.ProjectMailSettings:
        """Change settings by name: ``{"tracking": True, "mailbox.host": "…"}``; none = inherited."""
        plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in values.items()}
        return self._caller.ask(tracking.SET, database=database, values=plain, revision=revision)

    def test(self, database: str | None = None) -> SettingsTest:
        """Test the server's mailbox, or a project's, step by step; nothing is fetched or deleted."""
        begun = self._caller.ask(tracking.TEST, database=database)
        return SettingsTest(begun, self._mail.test_progress, self._mail.test_cancel)

    def poll(self, database: str | None = None) -> tracking.Polled:
        """Fetch mail now, from every mailbox or from a project's; answered when what came in is filed."""
        return self._caller.ask(tracking.POLL, database=database)

    def inbox(
        self,
        states: Iterable[InboxState | str] = (),
        *,
        database: str | None = None,
        text: str | None = None,
        after: int | None = None,
        limit: int = inbox_contract.PAGE,
    ) -> inbox_contract.Inbox:
        """Mails that came in, newest first."""
        return self._caller.ask(
            inbox_contract.INBOX, states=list(states), database=database, text=text, after=after, limit=limit
        )

    def each(
        self, states: Iterable[InboxState | str] = (), *, database: str | None = None, text: str | None = None
    ) -> Iterator[inbox_contract.InboxMail]:
        """All of them, page after page."""
        wanted = list(states)

        def fetch(after: int | None, limit: int) -> tuple[tuple[inbox_contract.InboxMail, ...], int | None]:
            page = self.inbox(wanted, database=database, text=text, after=after, limit=limit)
            return page.items, page.next_after

        return follow(fetch, inbox_contract.MAXIMUM_PAGE, None)

    def frame(
        self, states: Iterable[InboxState | str] = (), *, database: str | None = None, text: str | None = None
    ) -> pd.DataFrame:
        """Mails that came in, newest first, as a frame."""
        from trackkit.frames.emails import inbox_frame

        return inbox_frame(self.each(states, database=database, text=text), self._server)

    def quarantine(self) -> tuple[inbox_contract.InboxMail, ...]:
        """Mails that somebody has to look at."""
        return tuple(self.each([InboxState.quarantined]))

    def show(self, inbox_id: int) -> inbox_contract.InboxMail:
        """One mail that came in."""
        return self._caller.ask(inbox_contract.SHOW, inbox_id=inbox_id)

    def raw(self, inbox_id: int) -> bytes:
        """Its bytes."""
        return self._caller.ask(inbox_contract.RAW, inbox_id=inbox_id).message

    def replay(self, mail: int | bytes | Path, database: str | None = None) -> inbox_contract.Replay:
        """What would become of a mail, rule by rule; nothing is changed.

        Parameters
        ----------
        mail: the id of one that came in, or an ``.eml``: its bytes or path.
        database: as if it had come through that project's mailbox.
        """
        given = {"inbox_id": mail} if isinstance(mail, int) else {"message": base64.b64encode(_read(mail))}
        return self._caller.ask(inbox_contract.REPLAY, database=database, **given)

    def reprocess(
        self, inbox_id: int, database: str | None = None, record: str | None = None
    ) -> inbox_contract.InboxMail:
        """Decide anew about a mail; with a record (``defect 12``) it is filed there whatever it carries."""
        return self._caller.ask(inbox_contract.REPROCESS, inbox_id=inbox_id, database=database, record=record)

    def discard(self, inbox_ids: int | Iterable[int]) -> inbox_contract.Discarded:
        """Discard quarantined mails."""
        ids = [inbox_ids] if isinstance(inbox_ids, int) else list(inbox_ids)
        return self._caller.ask(inbox_contract.DISCARD, inbox_ids=ids)

    def answers(
        self,
        database: str,
        since: datetime | None = None,
        *,
        after: int | None = None,
        limit: int = inbox_contract.PAGE,
    ) -> email_answers.Answers:
        """Tracked e-mails that people wrote, oldest first, each with when it was first answered; without their text."""
        return self._caller.ask(email_answers.ANSWERS, database=database, since=since, after=after, limit=limit)

    def each_answer(self, database: str, since: datetime | None = None) -> Iterator[email_answers.AnsweredEmail]:
        """All of them, page after page."""

        def fetch(after: int | None, limit: int) -> tuple[tuple[email_answers.AnsweredEmail, ...], int | None]:
            page = self.answers(database, since, after=after, limit=limit)
            return page.items, page.next_after

        return follow(fetch, inbox_contract.MAXIMUM_PAGE, None)

    def answers_frame(self, database: str, since: datetime | None = None) -> pd.DataFrame:
        """All of them as a frame."""
        from trackkit.frames.emails import answers_frame

        return answers_frame(self.each_answer(database, since), self._server)

    def rotate_key(self) -> tracking.RotatedKey:
        """Sign with a new key from now on; cookies that were signed before are still taken."""
        return self._caller.ask(tracking.ROTATE_KEY)

    def round_trip(self, database: str | None = None) -> tracking.RoundTripView:
        """Send a probe mail to the tracking address; `status` tells when it has come back."""
        return self._caller.ask(tracking.ROUND_TRIP, database=database)


def _read(mail: bytes | Path) -> bytes:
    if isinstance(mail, bytes):
        return mail
    try:
        return Path(mail).read_bytes()
    except OSError as error:
        raise InvalidInput.of(str(mail), f"cannot be read: {error.strerror}") from None
