"""Why is this mail stuck? One table from evidence to cause, plain words, next step, and the operation that does it.

The queue, each message, health, the command line and the dashboards all ask `diagnose`. Rows are tried in order; the
first whose condition holds is the diagnosis. A reply no row knows is shown as it is, never guessed (`unknown reply`).
"""

from __future__ import annotations

from collections.abc import Callable

from trackkit.domain.delivery import State
from trackkit.domain.evidence import Diagnosis, Evidence, Row, failed, refused_for_good, waits
from trackkit.domain.evidence import replied as _replied
from trackkit.domain.facts import Facts
from trackkit.domain.fixes import TRUST, Fix, setting
from trackkit.domain.local_diagnosis import AFTER_TRYING, BEFORE_TRYING
from trackkit.domain.login_diagnosis import LOGIN_ROWS
from trackkit.domain.message import MailType
from trackkit.domain.past import About, sentence
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Stage
from trackkit.domain.reply_diagnosis import REPLY_ROWS, because
from trackkit.domain.smtp_options import SMTP_PORTS
from trackkit.domain.way_diagnosis import MORE_EXACT, NO_MAIL_HOST_THERE, NOT_THE_HOST


def _direct(*failures: Failure) -> Callable[[Evidence], bool]:
    return lambda e: e.direct and failed(*failures)(e)


def _unexplained(*stages: Stage) -> Callable[[Evidence], bool]:
    """Refused for good at one of these stages, for a reason that the reply does not tell."""
    return lambda e: _replied(*stages)(e) and refused_for_good(e) and e.last is not None and e.last.reason is None


def _is_due(e: Evidence) -> bool:
    return waits(e) and e.next_attempt_at <= e.now


def _usual_encryption(e: Evidence) -> Fix | None:
    """The encryption that the port is for, where it is one of the usual ports and another one is set."""
    smtp = e.options.sending.smtp
    if smtp.port == SMTP_PORTS["tls"] and smtp.encryption != "tls":
        return setting("Encrypt from the start", sending__smtp__encryption="tls")
    if smtp.port in (SMTP_PORTS["none"], SMTP_PORTS["starttls"]) and smtp.encryption == "tls":
        return setting("Encrypt with STARTTLS", sending__smtp__encryption="starttls")
    return None


def _trusting(e: Evidence) -> Fix:
    smtp = e.options.sending.smtp
    return Fix(TRUST, "Trust the certificate", host=smtp.host or "", port=smtp.port)


TABLE: tuple[Row, ...] = (
    Row(
        "deleted",
        lambda e: e.state is State.deleted,
        "Deleted",
        "This mail was deleted and is not sent.",
        "Bring it back within ten minutes if that was a mistake.",
        "mail.undelete",
        fix=lambda e: Fix("mail.undelete", "Bring it back"),
    ),
    Row(
        "held",
        lambda e: e.state is State.held,
        "Held",
        "Somebody put this mail on hold; it waits until it is released.",
        "Release it.",
        "mail.release",
        fix=lambda e: Fix("mail.release", "Release it"),
    ),
    Row(
        "sending",
        lambda e: e.state is State.active,
        "Being sent",
        "This mail is being sent right now.",
        "Wait a moment.",
    ),
    Row(
        "paused",
        lambda e: waits(e) and e.options.sending.paused and e.mail_type is MailType.internet,
        "Sending is paused",
        "Sending is paused for the whole server, so nothing leaves.",
        "Switch sending on again.",
        "options.set",
        "sending.paused",
        fix=lambda e: setting("Switch sending on again", sending__paused=False),
    ),
    Row(
        "not_configured",
        lambda e: waits(e) and not e.options.sending.is_set_up and not e.by_mapi,
        "Sending is not set up",
        "No SMTP host is set, so the server does not know where to hand its mail.",
        "Enter the SMTP host.",
        "options.set",
        "sending.smtp.host",
    ),
    *BEFORE_TRYING,
    Row(
        "outside_schedule",
        lambda e: _is_due(e) and e.opens_at is not None,
        "Outside the sending schedule",
        "Mail leaves only in the hours of the sending schedule; they begin again at {opens}.",
        "Wait, or change the sending schedule.",
        "options.set",
        "sending.timing.schedule",
        fix=lambda e: setting("Let mail leave at any time", sending__timing__schedule=""),
    ),
    Row(
        "over_the_limit",
        lambda e: _is_due(e) and e.room_at is not None,
        "Over the limit of messages a minute",
        "At most {limit} messages leave in a minute, and more are due.",
        "Wait, or raise the limit.",
        "options.set",
        "sending.timing.messages_per_minute",
        fix=lambda e: setting("Lift the limit", sending__timing__messages_per_minute=None),
    ),
    *MORE_EXACT,
    Row(
        "not_ascii",
        because(Reason.not_ascii),
        "The host takes no such address",
        "{host} takes only addresses in ASCII: {code} {text}",
        "Give the recipient an address in ASCII, or use a mail host that offers SMTPUTF8 and reattempt.",
        "mail.edit_recipient",
    ),
    *AFTER_TRYING,
    *REPLY_ROWS,
    Row(
        "address_rejected",
        lambda e: because(Reason.unknown_user)(e) or _unexplained(Stage.recipient)(e),
        "The host rejects the address",
        "{host} refuses {address} {for_now}: {code} {text}",
        "Check the address: correct it, or delete the mail.",
        "mail.edit_recipient",
        about=About.address,
    ),
    Row(
        "sender_rejected",
        lambda e: because(Reason.sender_rejected)(e) or _unexplained(Stage.sender)(e),
        "The host rejects the sender",
        "{host} refuses the sender's address: {code} {text}",
        "Ask the mail host's administrator which senders it takes, then reattempt.",
        "mail.reattempt",
        about=About.message,
    ),
    Row(
        "message_rejected",
        _unexplained(Stage.data, Stage.final_dot),
        "The host rejects the message",
        "{host} took the addresses but refuses the message itself: {code} {text}",
        "Read the reply: size, content or policy. Reattempt when the cause is gone.",
        "mail.reattempt",
        about=About.message,
    ),
    Row(
        "no_such_domain",
        failed(Failure.no_such_domain),
        "The domain does not exist",
        "{address} cannot be reached: {text}.",
        "Check the spelling of the address: correct it, or delete the mail.",
        "mail.edit_recipient",
    ),
    Row(
        "takes_no_mail",
        lambda e: failed(Failure.takes_no_mail)(e) or because(Reason.takes_no_mail)(e),
        "The domain takes no mail",
        "The domain of {address} says that it takes no mail at all: {code}",
        "Ask the recipient for another address; correct it here, or delete the mail.",
        "mail.edit_recipient",
    ),
    Row(
        "no_mail_host",
        failed(Failure.no_mail_host),
        "The domain has no mail host",
        "{address} cannot be reached: {text}.",
        "Check the spelling of the address, or tell the domain's administrator; reattempt when it is mended.",
        "mail.reattempt",
    ),
    Row(
        "network_down",
        because(Reason.network_down),
        "The server machine's network is down",
        "The server machine knows no way to {host}: {text}",
        "Check its network and routes. {again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "domain_not_looked_up",
        _direct(Failure.name_not_resolved),
        "The DNS does not answer",
        "Where mail for {address} goes cannot be found out: {text}",
        "If it is so for many domains, check the server machine's DNS. {again}",
        "mail.reattempt",
    ),
    Row(
        "domain_unreachable",
        _direct(Failure.refused, Failure.timed_out),
        "The domain's mail hosts cannot be reached",
        "{host} could not be reached ({stage}): {text}",
        "{again} If it is so for many domains, outgoing port 25 may be blocked: use a relay then.",
        "options.set",
        "sending.method",
        about=About.host,
    ),
    Row(
        "domain_not_secure",
        _direct(Failure.tls_untrusted, Failure.tls_not_offered, Failure.tls_failed),
        "The domain's mail host does not prove who it is",
        "The domain asks for verified encryption (MTA-STS or DANE), and its host does not provide it: {text}",
        "Nothing was sent, and trusting a certificate here cannot overrule it. Tell the domain's administrator. "
        "{again}",
        "mail.reattempt",
    ),
    *NOT_THE_HOST,
    Row(
        "host_name_unknown",
        failed(Failure.name_not_resolved),
        "The mail host's name is unknown",
        "The mail host's name does not resolve: {text}",
        "Check the spelling of the SMTP host and the server machine's DNS.",
        "options.set",
        "sending.smtp.host",
    ),
    Row(
        "host_unreachable",
        failed(Failure.refused, Failure.timed_out),
        "The mail host cannot be reached",
        "{host} could not be reached ({stage}): {text}",
        "Is the mail host running, and are host and port right? Correct them, then reattempt. {again}",
        "options.set",
        "sending.smtp.host",
        about=About.host,
    ),
    Row(
        "tls_untrusted",
        failed(Failure.tls_untrusted),
        "The host's certificate is not trusted",
        "{host} shows a certificate that does not verify: {text}",
        "Nothing was sent. In the trust list, compare its fingerprint with the host's own and trust it, or upload the "
        "authority that issued it; or use the name it was made for.",
        "trust.add",
        fix=_trusting,
    ),
    Row(
        "tls_not_possible",
        failed(Failure.tls_not_offered, Failure.tls_failed),
        "Encryption is not possible",
        "{host} does not encrypt as asked: {text}",
        "Choose the encryption that the host offers (587: STARTTLS, 465: TLS from the start).",
        "options.set",
        "sending.smtp.encryption",
        fix=_usual_encryption,
    ),
    *LOGIN_ROWS,
    *NO_MAIL_HOST_THERE,
    Row(
        "host_failing",
        failed(Failure.dropped, Failure.garbled),
        "The mail host breaks off",
        "{host} breaks off or answers nonsense ({stage}): {text}",
        "Look at the mail host's own log. {again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "interrupted",
        failed(Failure.interrupted),
        "The last try was cut short",
        "The server stopped during the last try, so its outcome is not known; the recipient may get it twice.",
        "Nothing: it is tried again by itself.",
        "mail.reattempt",
    ),
    Row(
        "defect",
        failed(Failure.defect),
        "trackkit itself failed",
        "Sending this mail failed on a defect of trackkit: {text}",
        "Report the entry in the server log. {again}",
        "mail.reattempt",
    ),
    Row(
        "expired",
        lambda e: e.state is State.failed and failed(Failure.replied)(e) and not refused_for_good(e),
        "The days limit is reached",
        "{host} did not take it until the days limit ({stage}): {code} {text}",
        "Reattempt when the cause is gone: it is tried for {days} more days then.",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "deferred_by_host",
        lambda e: failed(Failure.replied)(e) and not refused_for_good(e),
        "The host asks to try later",
        "{host} did not take it for now ({stage}): {code} {text}",
        "Nothing: the next try is at {at}. Reattempt to try at once.",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "unknown_reply",
        lambda e: e.last is not None and e.last.failure is not None,
        "Unrecognised trouble",
        "{host} ({stage}): {code} {text}",
        "Read the conversation of the last attempt; reattempt when the cause is gone.",
        "mail.reattempt",
    ),
    Row(
        "waiting",
        lambda e: e.state is State.deferred,
        "Waiting for the next try",
        "The next try is at {at}.",
        "Wait, or reattempt to try at once.",
        "mail.reattempt",
    ),
    Row(
        "new",
        lambda e: e.state is State.queued,
        "Waiting for its first try",
        "This mail was queued just now and leaves in a moment.",
        "Wait a moment.",
    ),
    Row("finished", lambda e: True, "Finished", "Nothing is left to do for this recipient.", "Nothing."),
)


BEFORE_ANY_TRY = frozenset(row.cause for row in TABLE[: TABLE.index(MORE_EXACT[0])])
"""Causes that stand by themselves; all others are about the last try."""

_UNEXPLAINED = tuple(row for row in TABLE if row not in REPLY_ROWS)
"""What can hold without a reason: half of the table, for listings of thousands of mails."""


def row_for(evidence: Evidence) -> Row:
    """The first row of `TABLE` that holds."""
    explained = evidence.last is not None and evidence.last.reason is not None
    return next(row for row in (TABLE if explained else _UNEXPLAINED) if row.when(evidence))


def diagnose(evidence: Evidence) -> Diagnosis:
    """The first row of `TABLE` that holds, its words filled in from the evidence, and what the history adds to it."""
    row = row_for(evidence)
    facts = Facts(evidence)
    return Diagnosis(
        row.cause,
        row.title,
        f"{row.words.format_map(facts).strip()} {sentence(row.about, evidence.past)}".rstrip(),
        row.next_step.format_map(facts),
        row.operation,
        row.option,
        row.fix(evidence) or _verb(row, evidence),
    )


def _verb(row: Row, e: Evidence) -> Fix | None:
    """The queue's own verb, where that is the next step and applies."""
    if row.operation != "mail.reattempt" or e.state not in (State.deferred, State.failed):
        return None
    return Fix("mail.reattempt", "Reattempt")
