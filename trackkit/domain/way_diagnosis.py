"""Rows of the diagnosis for what is known beyond the failure or the reply itself, and for what is not the mail host's
trouble though it looks like it.
"""

from __future__ import annotations

from typing import Final

from trackkit.domain.evidence import Evidence, Row, failed
from trackkit.domain.fixes import Fix, setting
from trackkit.domain.past import About
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Stage, Verdict
from trackkit.domain.reply_codes import is_about_senders_domain
from trackkit.domain.reply_diagnosis import because, to_relay


def _from_the_start(e: Evidence) -> Fix | None:
    if e.options.sending.smtp.encryption == "tls":
        return None
    return setting("Encrypt from the start", sending__smtp__encryption="tls")


def _greets_as_something_else(e: Evidence) -> bool:
    return not e.direct and failed(Failure.garbled)(e) and e.last is not None and e.last.stage is Stage.greeting


def _about_the_recipient(e: Evidence) -> bool:
    return e.last is not None and e.last.stage is Stage.recipient


def _sender_domain(e: Evidence) -> bool:
    return because(Reason.sender_rejected)(e) and e.last is not None and is_about_senders_domain(e.last.enhanced_code)


def _may_have_arrived(e: Evidence) -> bool:
    return e.last is not None and e.last.verdict is Verdict.unknown and e.last.failure is not Failure.interrupted


MORE_EXACT: Final = (
    Row(
        "may_have_arrived",
        _may_have_arrived,
        "It may have arrived",
        "{host} broke off after the whole message was sent, so nobody knows whether it took it: {text}",
        "Look at the mail host's own log: where it took the mail, delete it here, else the recipient may get it twice. "
        "{again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "sender_domain_unknown",
        _sender_domain,
        "The sender's domain is not in the DNS",
        "{host} does not find the domain of the sender's address: {reply}",
        "Check that address; if it is right, have its domain get an MX or address record in the DNS. Then reattempt.",
        "mail.reattempt",
        about=About.message,
    ),
    Row(
        "relay_not_authorised",
        to_relay(Reason.authentication),
        "The sender's domain does not allow the relay",
        "{host} refuses the mail because SPF, DKIM or DMARC of the sender's domain does not pass: {reply}",
        "In the DNS of the sender's domain, allow the relay that sends this mail (SPF), or let it sign the mail "
        "(DKIM); or send by a relay which that domain allows. Then reattempt.",
        "mail.reattempt",
        about=About.sending_machine,
    ),
    Row(
        "needs_smtputf8",
        lambda e: to_relay(Reason.not_ascii)(e) and not _about_the_recipient(e),
        "The host takes no such message",
        "{host} takes only messages with addresses in ASCII: {reply}",
        "Use a mail host that offers SMTPUTF8, then reattempt; or have it sent anew with addresses in ASCII, and "
        "delete this one.",
        "options.set",
        "sending.smtp.host",
        about=About.message,
    ),
    Row(
        "header_not_ascii",
        lambda e: because(Reason.not_ascii)(e) and not _about_the_recipient(e),
        "The host takes no such message",
        "{host} takes only messages with addresses in ASCII: {reply}",
        "Have it sent anew with addresses in ASCII, and delete this one.",
        "mail.delete",
        about=About.message,
    ),
)
"""What is known beyond the reply, before the rows about replies: how far it came, the sender's domain, that a relay can
be told to do better, or another one be chosen."""

NOT_THE_HOST: Final = (
    Row(
        "dns_down",
        because(Reason.dns_down),
        "The DNS does not answer",
        "Where the mail host is cannot be found out: {text}",
        "The name may be right: check the DNS of the server machine. {again}",
        "mail.reattempt",
    ),
    Row(
        "certificate_not_valid_yet",
        because(Reason.not_valid_yet),
        "The host's certificate is not valid yet",
        "{host} shows a certificate whose time has not begun: {text}",
        "Is the server machine's clock right? Mostly that is the cause. Else tell the host's administrator. {again}",
        "mail.reattempt",
    ),
    Row(
        "port_wants_tls",
        to_relay(Reason.port_wants_tls),
        "The port is for TLS from the start",
        "{host} waits for encryption from the start, as port 465 does, and hears none ({stage}): {text}",
        "Encrypt from the start (tls), or use the port for the encryption that is set.",
        "options.set",
        "sending.smtp.encryption",
        fix=_from_the_start,
    ),
)
"""What looks like trouble of the mail host, and is none."""

NO_MAIL_HOST_THERE: Final = (
    Row(
        "not_a_mail_host",
        _greets_as_something_else,
        "No mail host answers at that port",
        "{host} does not greet as a mail host does: {text}",
        "Is the port right? Mail hosts listen at 25, 587 or 465; 110, 143, 993 and 995 are for fetching mail.",
        "options.set",
        "sending.smtp.port",
        about=About.host,
    ),
)
