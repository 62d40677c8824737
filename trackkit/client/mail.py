"""`server.mail`: the queue. One method an operation, and frames over the listings."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from typing import TYPE_CHECKING, Unpack

from trackkit.client.call import Caller
from trackkit.client.jobs import JobsPart
from trackkit.client.mail_groups import Groups
from trackkit.client.mail_test import SettingsTest
from trackkit.client.mail_where import Conditions, MatchingMail, SentConditions, asked
from trackkit.client.options import OptionsPart
from trackkit.client.paging import follow
from trackkit.client.suggesting import with_thunderbird
from trackkit.contract import mail, mail_diagnoses, mail_groups, mail_history, mail_tests, mail_workers, suggest
from trackkit.domain.delivery import State
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 1000
FRAME_LIMIT = 100_000
"""Rows a frame holds unless told otherwise."""


class Mail:
    """The mail queue of a server. Queue ids are given one by one or as any iterable of them."""

    def __init__(self, caller: Caller, server: str, jobs: JobsPart, options: OptionsPart) -> None:
        self._caller = caller
        self._server = server
        self._jobs = jobs
        self._options = options

    def submit(
        self,
        message: bytes | EmailMessage,
        *,
        sender: str,
        recipients: str | Iterable[str] = (),
        mapi_recipients: str | Iterable[str] = (),
    ) -> mail.Submitted:
        """Hand a message to the queue; it is on disk when this returns.

        Parameters
        ----------
        message: its bytes, which stay as they are, or an `EmailMessage`.
        sender: envelope sender; empty = the null sender (RFC 5321 §4.5.5).
        recipients: Internet addresses.
        mapi_recipients: addresses of MAPI's: names of its address book, or ``TYPE:address``.
        """
        to = (recipients,) if isinstance(recipients, str) else tuple(recipients)
        by_mapi = (mapi_recipients,) if isinstance(mapi_recipients, str) else tuple(mapi_recipients)
        raw = base64.b64encode(_as_bytes(message, in_ascii=all(map(str.isascii, (sender, *to)))))
        return self._caller.ask(mail.SUBMIT, message=raw, sender=sender, recipients=to, mapi_recipients=by_mapi)

    def test(self, *, recipient: str = "", sender: str | None = None, send: bool = False) -> SettingsTest:
        """Test the stored settings for sending: ``for step in server.mail.test(recipient="a@example.com"): …``.

        Parameters
        ----------
        recipient: whom the host is asked to take mail for; with direct delivery whose mail hosts are tried.
        sender: none = the mail account, if it is an address, or what the log's e-mails come from.
        send: also send the recipient a message.

        Raises `Conflict` while another test of the same person is under way.
        """
        begun = self._caller.ask(mail_tests.BEGIN, recipient=recipient, sender=sender, send=send)
        return SettingsTest(begun, self.test_progress, self.test_cancel)

    def test_progress(self, test_id: str, after: int = 0, wait: float = 0.0) -> mail_tests.MailTest:
        """How far a test is: its steps after the first `after`; waits so many seconds for news. `NotFound`."""
        return self._caller.ask(mail_tests.SHOW, test_id=test_id, after=after, wait=wait)

    def test_cancel(self, test_id: str) -> mail_tests.MailTest:
        """End a test before its time; `Conflict` when it has ended."""
        return self._caller.ask(mail_tests.CANCEL, test_id=test_id)

    def list(
        self,
        state: State | str | None = None,
        before: str | None = None,
        limit: int = mail.PAGE,
        *,
        sort: mail.QueueSort | str = mail.QueueSort.queued_at,
        descending: bool = True,
        **conditions: Unpack[Conditions],
    ) -> mail.QueuePage:
        """One page of the queue, newest first unless sorted otherwise; its `total` counts all that match.

        Further conditions: `Conditions`.
        """
        return self._caller.ask(
            mail.LIST, state=state, sort=sort, descending=descending, before=before, limit=limit, **asked(conditions)
        )

    def ids(
        self,
        state: State | str | None = None,
        before: str | None = None,
        limit: int = mail.MAXIMUM_IDS,
        *,
        sort: mail.QueueSort | str = mail.QueueSort.queued_at,
        descending: bool = True,
        first: str | None = None,
        last: str | None = None,
        **conditions: Unpack[Conditions],
    ) -> mail.QueueIds:
        """One page of ids alone, from the place `first` to the place `last`, both included."""
        return self._caller.ask(
            mail.IDS,
            state=state,
            sort=sort,
            descending=descending,
            first=first,
            last=last,
            before=before,
            limit=limit,
            **asked(conditions),
        )

    def each(
        self, state: State | str | None = None, limit: int | None = None, **conditions: Unpack[Conditions]
    ) -> Iterator[mail.QueuedMessage]:
        """The queue, newest first, page after page; at most `limit` messages."""

        def fetch(before: str | None, size: int) -> tuple[tuple[mail.QueuedMessage, ...], str | None]:
            page = self.list(state, before, size, **conditions)
            return page.messages, page.next_before

        return follow(fetch, _PAGE, limit)

    def frame(
        self, state: State | str | None = None, limit: int | None = FRAME_LIMIT, **conditions: Unpack[Conditions]
    ) -> pd.DataFrame:
        """The queue as a frame, one row a message."""
        from trackkit.frames import mail_frame

        return mail_frame(self.each(state, limit, **conditions), self._server)

    def where(self, state: State | str | None = None, **conditions: Unpack[Conditions]) -> MatchingMail:
        """All mail that matches, to be acted on as a whole: ``server.mail.where(domain="example.com").delete()``.

        Further conditions: `Conditions`. Without any: everything but the deleted.
        """
        return MatchingMail(self._caller, self._jobs, state, **conditions)

    def suggest(
        self, about: str = "", *, hosts: Iterable[str] = (), private: bool = False, thunderbird: bool = False
    ) -> suggest.Suggestions:
        """Settings for sending for an address or a domain, best first: each candidate says where it is from.

        ``server.apply(found.candidates[0].fix, {"sending.smtp.password": ...})`` uses one.

        Parameters
        ----------
        about: an e-mail address, a domain, or a host by its IP address; may be empty with `thunderbird`.
        hosts: hosts to try instead of the domain's usual ones, also in private networks.
        private: connect also to what lies in private networks and on the server machine.
        thunderbird: besides what the server finds, what Thunderbird on this very machine sends by.

        Raises
        ------
        TooManyAttempts: it was asked too often; says when to ask again.
        InvalidInput: it is neither an address nor a domain nor a host.
        """
        found = suggest.Suggestions(about="", candidates=(), sources=())
        if about or not thunderbird:
            found = self._caller.ask(suggest.SUGGEST, about=about, hosts=tuple(hosts), private=private)
        return with_thunderbird(found, self._options.get()) if thunderbird else found

    def summary(self) -> mail.QueueSummary:
        """How many messages in each state, and why they wait."""
        return self._caller.ask(mail.SUMMARY)

    def groups(self, cause: str | None = None, destinations: int = 20) -> Groups:
        """Stuck mail by cause, destination and age, each with the next step; `Server.apply` does it.

        Parameters
        ----------
        cause: this one alone.
        destinations: how many of each cause are told, those with the most messages.
        """
        answer = self._caller.ask(mail_groups.GROUPS, cause=cause, destinations=destinations)
        return Groups(answer, lambda conditions: self.where(**conditions))

    def groups_frame(self, cause: str | None = None, destinations: int = 20) -> pd.DataFrame:
        """Stuck mail as a frame, one row for each cause, destination and age."""
        from trackkit.frames import groups_frame

        return groups_frame(self.groups(cause, destinations).answer, self._server)

    def workers(self) -> mail_workers.MailWorkers:
        """The processes that send mail, each with the connections it may use."""
        return self._caller.ask(mail_workers.LIST)

    def diagnoses(self) -> mail_diagnoses.Diagnoses:
        """The whole table of why mail can wait, how often each row was met, and replies that no row knows."""
        return self._caller.ask(mail_diagnoses.DIAGNOSES)

    def ages(self, domains: int = 20) -> mail.QueueAges:
        """Unsent messages by state and age, and by age for the domains (that many) with the most of them."""
        return self._caller.ask(mail.AGES, domains=domains)

    def ages_frame(self) -> pd.DataFrame:
        """Unsent messages by state and age as a frame, one row for each pair, those without any too."""
        from trackkit.frames import ages_frame

        return ages_frame(self.ages(1), self._server)

    def domain_ages_frame(self, domains: int = 20) -> pd.DataFrame:
        """Unsent messages by domain and age as a frame, for the domains (that many) with the most of them."""
        from trackkit.frames import domain_ages_frame

        return domain_ages_frame(self.ages(domains), self._server)

    def show(self, queue_id: str) -> mail.MessageDetail:
        """A message with its recipients, attempts and last conversation; `NotFound`."""
        return self._caller.ask(mail.SHOW, queue_id=queue_id)

    def raw(self, queue_id: str) -> bytes:
        """A message's bytes exactly as they were submitted; `NotFound`."""
        return self._caller.ask(mail.RAW, queue_id=queue_id).message

    def history(
        self, before: int | None = None, limit: int = mail_history.PAGE, **conditions: Unpack[SentConditions]
    ) -> mail_history.SentPage:
        """One page of the mail that has left, newest first, one line a recipient."""
        return self._caller.ask(mail_history.SENT, before=before, limit=limit, **conditions)

    def each_sent(
        self, limit: int | None = None, **conditions: Unpack[SentConditions]
    ) -> Iterator[mail_history.SentMail]:
        """The mail that has left, newest first, page after page; at most `limit` lines."""

        def fetch(before: int | None, size: int) -> tuple[tuple[mail_history.SentMail, ...], int | None]:
            page = self.history(before, size, **conditions)
            return page.sent, page.next_before

        return follow(fetch, _PAGE, limit)

    def sent_frame(self, limit: int | None = FRAME_LIMIT, **conditions: Unpack[SentConditions]) -> pd.DataFrame:
        """The mail that has left as a frame, one row a recipient."""
        from trackkit.frames import sent_frame

        return sent_frame(self.each_sent(limit, **conditions), self._server)

    def edit_recipient(self, queue_id: str, address: str, new_address: str) -> mail.EditedRecipient:
        """Correct the wrong `address` of a recipient; its tries begin anew, and one that failed is due now.

        Raises
        ------
        InvalidInput: the new address is none, or is a recipient of that message already.
        Conflict: the recipient is being sent to, was sent to, or is deleted.
        NotFound: there is no such message, or `address` is none of its recipients.
        """
        return self._caller.ask(mail.EDIT_RECIPIENT, queue_id=queue_id, address=address, new_address=new_address)

    def reattempt(self, queue_ids: str | Iterable[str]) -> mail.VerbResults:
        """Make deferred and failed recipients due now."""
        return self._caller.ask(mail.REATTEMPT, queue_ids=_ids(queue_ids))

    def hold(self, queue_ids: str | Iterable[str]) -> mail.VerbResults:
        """Hold queued and deferred mail until it is released."""
        return self._caller.ask(mail.HOLD, queue_ids=_ids(queue_ids))

    def release(self, queue_ids: str | Iterable[str]) -> mail.VerbResults:
        """Release held mail."""
        return self._caller.ask(mail.RELEASE, queue_ids=_ids(queue_ids))

    def delete(self, queue_ids: str | Iterable[str]) -> mail.VerbResults:
        """Delete mail from the queue; `undelete` brings it back for ten minutes."""
        return self._caller.ask(mail.DELETE, queue_ids=_ids(queue_ids))

    def undelete(self, queue_ids: str | Iterable[str]) -> mail.VerbResults:
        """Bring deleted mail back."""
        return self._caller.ask(mail.UNDELETE, queue_ids=_ids(queue_ids))


def _ids(queue_ids: str | Iterable[str]) -> tuple[str, ...]:
    return (queue_ids,) if isinstance(queue_ids, str) else tuple(queue_ids)


def _as_bytes(message: bytes | EmailMessage, *, in_ascii: bool) -> bytes:
    if isinstance(message, EmailMessage):
        from email.policy import EmailPolicy

        policy = message.policy.clone(linesep="\r\n")
        if not in_ascii and isinstance(policy, EmailPolicy):
            # Else an address beyond ASCII would stand in the header as an encoded word, which is none.
            policy = policy.clone(utf8=True)
        return message.as_bytes(policy=policy)
    if isinstance(message, bytes | bytearray | memoryview):
        return bytes(message)
    raise InvalidInput.of("message", f"is {type(message).__name__}; give bytes or an EmailMessage")
