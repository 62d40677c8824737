"""What kind of mail has come in: a person's, a program's answer, a bounce, a report of a delay, of delivery, of abuse.

Reports made for programs come first (RFC 3464, RFC 5965), then bounces in words, then the marks of automatic mail
(RFC 3834 and older ones); what has none of them is a person's. `rule` says which rule decided, for people.

`kind_of` never raises; what it reads is bounded by `incoming` and by the modules that it asks.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from trackkit.domain.tracking import automatic, bounces_in_words, notifications, reports
from trackkit.domain.tracking.carriers import Carrier
from trackkit.domain.tracking.failures import Failure, failure
from trackkit.domain.tracking.incoming import LONGEST_TEXT, Incoming
from trackkit.domain.tracking.parts import Parts, take_apart
from trackkit.domain.tracking.reports import Told


class MailKind(StrEnum):
    """What a mail is to whoever tracks mail."""

    human = "human"
    automatic = "automatic"
    """A program's: a vacation reply, a receipt, a notification."""
    bounce = "bounce"
    delay = "delay"
    """A host is still trying; nothing has failed."""
    delivered = "delivered"
    """A host reports that it has delivered."""
    feedback = "feedback"
    """The recipient, or their provider, complains about the mail."""


class Classified(NamedTuple):
    """What a mail is, by which rule, and what it says about recipients."""

    kind: MailKind
    rule: str
    failures: tuple[Failure, ...] = ()
    answerable: bool = False
    """Whether a program may answer it at all."""


def kind_of(mail: Incoming) -> Classified:
    """What kind of mail this is."""
    text = mail.readable
    return _by_report(mail, text) or _by_notification(text) or _in_words(mail, text) or _by_marks(mail)


def carriers(mail: Incoming, found: Classified) -> list[tuple[Carrier, str]]:
    """Where a tracking cookie may stand in a mail of that kind, for `carriers.find`.

    What a person writes below the header is no place for one: they may quote any mail. A host that returns a message
    in its text quotes the one that it is about.
    """
    texts = mail.carriers()
    if found.kind not in (MailKind.human, MailKind.automatic):
        texts.append((Carrier.returned, bounces_in_words.returned(mail.readable)))
    return texts


def _by_report(mail: Incoming, text: str) -> Classified | None:
    for part in mail.parts.parts:
        if part.type == "message/feedback-report":
            return Classified(MailKind.feedback, "a feedback report (RFC 5965)")
        if part.type == "message/disposition-notification":
            return Classified(MailKind.automatic, "a receipt (RFC 8098)")
    told = _reported(mail.parts, mail.raw)
    return _report("a delivery report (RFC 3464)", told, text) if told else None


def _reported(parts: Parts, raw: bytes) -> list[Told]:
    return [
        one
        for part in parts.parts
        if part.type in ("message/delivery-status", "message/global-delivery-status")
        for one in reports.read(part.text(raw, LONGEST_TEXT))
    ]


def _by_notification(text: str) -> Classified | None:
    notification = notifications.read(text)
    if notification is None:
        return None
    rule = "a notification of Amazon SES"
    if notification.told:
        return _report(rule, list(notification.told), text)
    if notification.type == "Bounce":
        return Classified(MailKind.bounce, rule)
    return Classified(MailKind.feedback if notification.type == "Complaint" else MailKind.delivered, rule)


def _in_words(mail: Incoming, text: str) -> Classified | None:
    returned, subject = mail.returned, mail.fields.text("subject")
    if returned and _COMPLAINT.match(subject):
        return Classified(MailKind.feedback, "a complaint as Outlook.com reports it")
    rule = bounces_in_words.is_bounce(mail.fields, subject, text, bool(returned))
    if not rule:
        return None
    if told := reports.read(text):
        return _report(f"fields of a delivery report (RFC 3464) in its text; {rule}", told, text)
    # Gateways wrap up the report that they have got.
    if told := [one for octets in mail.attached() for one in _reported(take_apart(octets), octets)]:
        return _report(f"a delivery report (RFC 3464) that is attached; {rule}", told, text)
    action = "delayed" if bounces_in_words.is_warning(text) else "failed"
    failures = tuple(
        failure(Told(recipient, action, "", ""), words)
        for recipient, words in bounces_in_words.recipients(mail.fields, text, returned)
    )
    return Classified(_KINDS[action], rule, failures)


_COMPLAINT = re.compile(r"\s*complaint about message from\b", re.IGNORECASE)
_KINDS = {"failed": MailKind.bounce, "delayed": MailKind.delay}


def _by_marks(mail: Incoming) -> Classified:
    mark, by_program = automatic.mark(mail.fields, mail.fields.text("subject"))
    kind = MailKind.automatic if by_program else MailKind.human
    return Classified(kind, mark or "nothing says that a program wrote it", answerable=not mark)


def _report(rule: str, told: list[Told], text: str) -> Classified:
    """What a report for programs says: a failure among delays and deliveries makes it a bounce."""
    own = bounces_in_words.report(text)
    named = [one.recipient for one in told]
    failures = tuple(
        failure(one, bounces_in_words.about(own, one.recipient, named))
        for one in told
        if one.action in ("failed", "delayed")
    )
    actions = {one.action for one in failures}
    kind = next((kind for action, kind in _KINDS.items() if action in actions), MailKind.delivered)
    return Classified(kind, rule, failures)
