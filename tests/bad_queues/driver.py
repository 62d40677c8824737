"""Brings one queue into its bad state, reads what the server says of it in three places, and does what it offers.

Nothing is done that the diagnosis does not offer, but for what lies outside of trackkit: a person starts a host again,
mends a zone, types the right name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tests.bad_queues.case import Case, Told
from tests.bad_queues.site import Site
from tests.ports import wait_until
from trackkit.contract.mail import DiagnosisView, MessageDetail
from trackkit.domain.delivery import State
from trackkit.mail.next_hop import SHARED_ALWAYS_SECONDS

SECONDS = 30
_ON_ITS_WAY = ("new", "sending")


@dataclass
class Result:
    """What came of a case; the list shows it."""

    told: Told | None = None
    fixed: bool = False
    empty: bool = False
    arrived: bool = False


def run(site: Site, case: Case, mark: str, result: Result) -> None:
    """From the bad state to the empty queue; `AssertionError` where it does not come to that."""
    site.begin(case.options)
    if case.bring is not None:
        case.bring(site)
    queue_id = _submit(site, case, mark)
    if case.then is not None:
        case.then(site, queue_id)
    shown = wait_until(lambda: _stuck(site, queue_id), what="the bad state", seconds=SECONDS, pause=0.02)
    result.told = told = _told(shown.message.diagnosis)
    _said_everywhere(site, told, shown, is_patient=case.is_patient)
    expected = (case.cause, case.operation, case.option)
    assert (told.cause, told.operation, told.option) == expected, shown.conversation
    assert case.next_step in told.next_step
    assert case.says in told.words
    if case.mend is not None:
        case.mend(site)
    time.sleep(SHARED_ALWAYS_SECONDS)  # a person is slower still
    _fix(site, case, shown, mark)
    result.fixed = True
    _wait_for_the_empty_queue(site, queue_id)
    result.empty = True
    wait_until(lambda: site.arrived(case.arrives, mark), what=f"the mail in {case.arrives}", seconds=SECONDS)
    result.arrived = True


def clear(site: Site, case: Case) -> None:
    """Leave nothing of it for the next one."""
    site.end_case()
    if case.tidy is not None:
        case.tidy(site)
    if left := [message.queue_id for message in site.admin.mail.list().messages]:
        site.admin.mail.delete(left)


def _submit(site: Site, case: Case, mark: str) -> str:
    to = case.header_to or case.to
    head = f"From: {case.sender}\r\nTo: {to}\r\nSubject: {case.subject}\r\nMessage-ID: <{mark}@trackkit.test>\r\n"
    raw = f"{head}\r\n{mark}\r\n{case.body}\r\n".encode()
    whom = {"mapi_recipients" if case.by_mapi else "recipients": case.to}
    return site.admin.mail.submit(raw, sender=case.sender, **whom).queue_id  # type: ignore[arg-type]


def _stuck(site: Site, queue_id: str) -> MessageDetail | None:
    shown = site.admin.mail.show(queue_id)
    return None if shown.message.diagnosis.cause in _ON_ITS_WAY else shown


def _told(found: DiagnosisView) -> Told:
    fix = found.fix.words if found.fix else ""
    return Told(found.cause, f"{found.title}. {found.words}", found.next_step, found.operation, found.option, fix)


def _said_everywhere(site: Site, told: Told, shown: MessageDetail, *, is_patient: bool) -> None:
    """The queue as a whole and the server's health have to say the same as the message, but for what other mail tells
    besides: that is looked up for a message only. Health says nothing yet of what a healthy queue has for a while."""
    (recipient,) = shown.recipients
    assert _told(recipient.diagnosis) == told
    causes = [cause for cause in site.admin.mail.summary().causes if cause.diagnosis.cause == told.cause]
    ((diagnosis, messages),) = [(_told(cause.diagnosis), cause.messages) for cause in causes]
    assert (diagnosis, messages) == (replace(told, words=diagnosis.words), 1)
    assert told.words.startswith(diagnosis.words)
    findings = [f for f in site.admin.health().findings if f.words.partition(": ")[2] == diagnosis.words]
    offered = [(finding.next_step, finding.operation, finding.option) for finding in findings]
    assert offered == ([] if is_patient else [(told.next_step, told.operation, told.option)])


def _fix(site: Site, case: Case, shown: MessageDetail, mark: str) -> None:
    """What the diagnosis offers: its fix as it is, else its operation with what a person types."""
    found, queue_id = shown.message.diagnosis, shown.message.queue_id
    if found.fix is not None:
        site.admin.apply(site.admin.mail.groups()[found.cause])  # one click: it tries the mail again, too
        site.options |= found.fix.changes
        return
    if found.operation == "mail.edit_recipient":
        site.admin.mail.edit_recipient(queue_id, case.to, case.correct)
    elif found.operation == "mail.delete":
        site.admin.mail.delete(queue_id)
        _submit(site, replace(case, body="without the large part"), mark)
    else:
        assert found.operation == "options.set"
        if typed := case.typed(site) if callable(case.typed) else case.typed:  # else the options were right
            assert case.option in typed
            site.change(typed)
    if found.operation == "options.set" and shown.message.state in (State.deferred, State.failed):
        site.admin.mail.reattempt(queue_id)


def _wait_for_the_empty_queue(site: Site, queue_id: str) -> None:
    mail = site.admin.mail
    try:
        wait_until(lambda: mail.list().total == 0, what="the empty queue", seconds=SECONDS, pause=0.02)
    except AssertionError as error:
        left = [(m.subject, m.diagnosis.cause, mail.show(m.queue_id).conversation) for m in mail.list().messages]
        raise AssertionError(f"{error}: {left}") from None
