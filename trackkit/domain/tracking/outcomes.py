"""What a mail that came back says of those its e-mail went to. Pure.

A report names its recipients, by the address that it was sent to or by one that it was passed on to; a reply was
written by one of them. Where neither is told by an address, the cookie's recipient is meant, or the only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from trackkit.domain.log_text import storable
from trackkit.domain.tracking.failures import Failure
from trackkit.domain.tracking.kinds import Classified, MailKind

_LONGEST: Final = 1_000
_WEIGHTS: Final = {
    outcome: weight
    for weight, outcome in enumerate(("", "delay", "delivered", "automatic", "human", "feedback", "bounce"))
}
"""What comes later says more; what has come back and says more stays."""


class Sent(NamedTuple):
    """Whom an e-mail went to, and what has come back from there."""

    address: str
    outcome: str


class Mark(NamedTuple):
    """What came back from a recipient, by its number in the e-mail."""

    number: int
    outcome: str
    status_code: str
    hard: bool | None
    text: str


def marks(found: Classified, author: str, recipient: int, sent: Mapping[int, Sent]) -> list[Mark]:
    """What to note of which recipients.

    Parameters
    ----------
    author: the mail's, in small letters.
    recipient: the cookie's; 0 = the e-mail went to several.
    """
    outcome = found.kind.value
    if found.failures and found.kind in (MailKind.bounce, MailKind.delay):
        about = [(_number(one.recipient, recipient, sent), _of_failure(outcome, one)) for one in found.failures]
    else:
        failed = False if found.kind is MailKind.bounce else None
        about = [(_number(author, recipient, sent), Mark(0, outcome, "", failed, ""))]
    by_number = {number: mark for number, mark in about if number is not None and _says_more(mark, sent[number])}
    return [mark._replace(number=number) for number, mark in by_number.items()]


def _of_failure(kind: str, one: Failure) -> Mark:
    if one.action == "delayed":
        return Mark(0, MailKind.delay.value, one.status, None, storable(one.text, _LONGEST))
    return Mark(0, kind, one.status, one.hard, storable(one.text, _LONGEST))


def _number(address: str, recipient: int, sent: Mapping[int, Sent]) -> int | None:
    wanted = address.lower()
    for number, one in sent.items():
        if one.address.lower() == wanted:
            return number
    if recipient in sent:
        return recipient
    return next(iter(sent)) if len(sent) == 1 else None


def _says_more(mark: Mark, sent: Sent) -> bool:
    return _WEIGHTS[mark.outcome] >= _WEIGHTS[sent.outcome]
