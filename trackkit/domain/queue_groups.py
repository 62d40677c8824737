"""Stuck mail as groups: where the trouble is, and how grave a group is. Pure.

A group is mail with the same diagnosis, the same destination and the same age. The destination is the recipients'
domain, unless the trouble lies at what the mail is handed to, before any recipient is named: then it is that relay,
pickup folder or MAPI, once for all domains behind it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from trackkit.domain.diagnosis import diagnose
from trackkit.domain.evidence import Evidence, waits
from trackkit.domain.fixes import SET_OPTIONS
from trackkit.domain.hosts import host_and_port
from trackkit.domain.log import Severity
from trackkit.domain.message import MailType
from trackkit.domain.replies import Failure, Stage, Verdict

_ABOUT_THE_MAIL: Final = frozenset({Stage.recipient, Stage.data, Stage.final_dot})
"""What a host says at these stages is about a recipient or a message."""

_NOT_OF_A_HOP: Final = frozenset(
    {
        *(Failure.no_such_domain, Failure.takes_no_mail, Failure.no_mail_host, Failure.mapi_recipient),
        *(Failure.interrupted, Failure.defect),
    }
)
"""What goes wrong for the recipient's domain, or here."""

STUCK_AFTER: Final = timedelta(minutes=5)
"""A healthy queue has let everything go by then."""

LONG: Final = timedelta(hours=1)
"""A host that asks to try later is believed so long; what stops all mail for so long is an error."""

_A_CLOSED_WEEKEND: Final = timedelta(days=3)
_ON_THE_WAY: Final = frozenset({"new", "sending", "waiting", "interrupted"})
_NEARLY_ALL, _MANY = 0.9, 10
SEVERAL: Final = 3


def place(evidence: Evidence) -> str:
    """What the mail is handed to, where that is where it is for; ``""`` = the recipient's domain is."""
    # Addresses of MAPI's have no domain.
    return "MAPI" if evidence.mail_type is MailType.mapi else next_hop_in_trouble(evidence)


def next_hop_in_trouble(evidence: Evidence) -> str:
    """The relay, folder or MAPI whose trouble keeps the mail, as people write it; ``""`` = it is not there."""
    last = evidence.last
    if last is None or last.failure is None or not _rests_on_the_last_try(evidence):
        return ""
    about_the_mail = last.failure is Failure.replied and last.stage in _ABOUT_THE_MAIL
    if last.failure in _NOT_OF_A_HOP or (about_the_mail and not _is_up_to_us(evidence)):
        return ""
    sending = evidence.options.sending
    if evidence.by_mapi:
        return "MAPI"
    if sending.method == "pickup":
        return str(sending.pickup.folder or "")
    by_relay = sending.method == "smtp" or (
        sending.method == "direct-then-smtp" and last.verdict is Verdict.temporary
    )  # what direct delivery did not bring about for now, the relay got
    return host_and_port(sending.smtp.host or "", sending.smtp.port) if by_relay else ""


def _rests_on_the_last_try(evidence: Evidence) -> bool:
    """Whether the diagnosis would be another one without the last try; a pause or a hold stands by itself."""
    return diagnose(evidence).cause != diagnose(replace(evidence, last=None)).cause


def _is_up_to_us(evidence: Evidence) -> bool:
    """Whether the remedy is an option of this server, so that it concerns no single address or message."""
    return diagnose(evidence).operation == SET_OPTIONS


def stops_all_mail(evidence: Evidence) -> bool:
    """Whether what keeps this mail keeps all mail that goes the same way: the next hop, or the server's own options."""
    if next_hop_in_trouble(evidence):
        return True
    return _is_up_to_us(evidence) and not _rests_on_the_last_try(evidence)


def patience(evidence: Evidence) -> timedelta:
    """How long a healthy queue may keep mail for this cause without anybody being told."""
    found, last = diagnose(evidence), evidence.last
    if found.cause == "outside_schedule":
        return _A_CLOSED_WEEKEND
    if found.cause == "over_the_limit":
        return LONG
    if found.cause in _ON_THE_WAY:
        return STUCK_AFTER
    asked_to_wait = last is not None and last.smtp_code is not None and 400 <= last.smtp_code < 500
    return LONG if waits(evidence) and asked_to_wait and _rests_on_the_last_try(evidence) else timedelta()


def severity_of(evidence: Evidence, waited: timedelta, *, everywhere: bool) -> Severity | None:
    """How grave it is that mail has waited so long for a cause; none = a healthy queue has that, too.

    It is an error when all mail is kept, for long, and somebody did not ask for just that by a hold.

    Parameters
    ----------
    everywhere: nearly all that waits, or has failed, for `SEVERAL` domains or more, did for this cause.
    """
    enough = patience(evidence)
    if waited < enough:
        return None
    # Mail that has failed was refused for what it is, unless it is up to us.
    all_of_it = everywhere or stops_all_mail(evidence) if waits(evidence) else everywhere and _is_up_to_us(evidence)
    return Severity.error if all_of_it and waited >= LONG + enough else Severity.warning


def is_nearly_all(messages: int, waiting: int) -> bool:
    """Whether so many of the `waiting` messages are nearly all of them, and no accident."""
    return messages >= _MANY and messages >= _NEARLY_ALL * waiting
