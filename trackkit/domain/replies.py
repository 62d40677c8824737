"""What a mail host answered, and what that means for a recipient.

`Outcome` is the whole vocabulary between the transports and the state machine: a transport turns whatever
happened on the wire into one `Outcome` a recipient, and nothing else decides about retries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from trackkit.domain.reasons import Reason
from trackkit.domain.reply_reasons import reason_of
from trackkit.domain.trust import Seen

CLOSING = 421
"""The host closes the connection, whatever was asked (RFC 5321 §3.8)."""


class Stage(StrEnum):
    """How far a conversation with a mail host had come. In order."""

    configuration = "configuration"
    pop = "pop"
    """POP before SMTP: the log-in at the POP3 host that has to come first."""
    name = "name"
    connect = "connect"
    greeting = "greeting"
    ehlo = "ehlo"
    starttls = "starttls"
    certificate = "certificate"
    login = "login"
    sender = "sender"
    recipient = "recipient"
    data = "data"
    final_dot = "final_dot"


class Failure(StrEnum):
    """What went wrong, as far as the wire tells; `replied` = the host answered with a 4xx or 5xx."""

    name_not_resolved = "name_not_resolved"
    no_such_domain = "no_such_domain"
    takes_no_mail = "takes_no_mail"
    """The recipient's domain says in the DNS that it takes no mail (RFC 7505)."""
    no_mail_host = "no_mail_host"
    """The recipient's domain exists, but names no host that could take its mail."""
    refused = "refused"
    timed_out = "timed_out"
    dropped = "dropped"
    garbled = "garbled"
    replied = "replied"
    tls_not_offered = "tls_not_offered"
    tls_failed = "tls_failed"
    tls_untrusted = "tls_untrusted"
    login_not_offered = "login_not_offered"
    token_refused = "token_refused"
    """The provider of the mail account gives out no access token: consent or registration is at fault."""
    token_not_had = "token_not_had"
    """The provider could not be asked for an access token, or answered nonsense."""
    pop_unreachable = "pop_unreachable"
    pop_not_encrypted = "pop_not_encrypted"
    """The POP3 host does not encrypt as asked."""
    pop_untrusted = "pop_untrusted"
    pop_refused = "pop_refused"
    """The POP3 host refuses the log-in."""
    pickup_folder = "pickup_folder"
    """The pickup folder cannot be used."""
    no_mapi = "no_mapi"
    """There is no MAPI on the machine that sends."""
    mapi_login = "mapi_login"
    mapi_recipient = "mapi_recipient"
    """MAPI does not know the recipient."""
    mapi_failed = "mapi_failed"
    interrupted = "interrupted"
    """The server that had claimed the recipient stopped before it knew the outcome."""
    defect = "defect"
    """trackkit itself failed; the server log says where."""


class Verdict(StrEnum):
    """What an attempt means for one recipient."""

    accepted = "accepted"
    temporary = "temporary"
    permanent = "permanent"
    unknown = "unknown"
    """The connection was lost after the final dot: it may or may not have been accepted (SPEC §5)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attempt for one recipient."""

    verdict: Verdict
    stage: Stage
    failure: Failure | None = None
    smtp_code: int | None = None
    enhanced_code: str = ""
    text: str = ""
    """The host's words, or ours where it said none."""
    certificate: Seen | None = field(default=None, compare=False, repr=False)
    """What the host has shown and does not verify; kept by the trust manager, not with the attempt."""
    reason: Reason | None = field(default=None, compare=False)
    """Why it failed, where that is known beyond the failure: for most replies, `reply_reasons` tells."""


_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


def enhanced_code(text: str) -> str:
    """The enhanced status code (RFC 3463) that begins a reply's text, or ``""``."""
    match = _ENHANCED.match(text.lstrip())
    return match[1] if match else ""


def verdict_of(smtp_code: int) -> Verdict:
    """What a reply code means (RFC 5321 §4.2.1): 2xx accepted, 5xx permanent, all else temporary."""
    if 200 <= smtp_code < 300:
        return Verdict.accepted
    return Verdict.permanent if 500 <= smtp_code < 600 else Verdict.temporary


_NO_RELAYING = re.compile(r"\brelay|\bpop\b|authenticat|not authori[sz]ed|check your mail", re.IGNORECASE)


def wants_login(outcome: Outcome) -> bool:
    """Whether a host refuses because it does not know who sends: it wants a log-in, or takes no mail for others.

    530 says so (RFC 4954 §6); hosts that look at who has logged in by POP3 say it in words, with one of many codes.
    """
    if outcome.failure is not Failure.replied or outcome.stage not in (Stage.sender, Stage.recipient, Stage.data):
        return False
    return outcome.smtp_code == _LOGIN_REQUIRED or _NO_RELAYING.search(outcome.text) is not None


_LOGIN_REQUIRED = 530


def outcome_of(stage: Stage, smtp_code: int, text: str) -> Outcome:
    """The outcome of a reply.

    Only replies about this message (its sender, recipient or data) can fail a recipient for good; a 5xx to the
    greeting, to EHLO, STARTTLS or the log-in is trouble with the relay or its set-up, which an administrator
    can mend, so it stays temporary until the days limit.
    """
    verdict = verdict_of(smtp_code)
    if verdict is Verdict.permanent and stage not in (Stage.sender, Stage.recipient, Stage.data, Stage.final_dot):
        verdict = Verdict.temporary
    code = enhanced_code(text)
    if verdict is Verdict.accepted:
        return Outcome(verdict, stage, None, smtp_code, code, text)
    reason = reason_of(smtp_code, code, text, login=stage is Stage.login)
    return Outcome(verdict, stage, Failure.replied, smtp_code, code, text, reason=reason)
