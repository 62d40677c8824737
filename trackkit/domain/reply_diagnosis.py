"""The rows of the diagnosis about what a host's reply says: about the address, the message, this server, the host.

Each is about one `Reason`; where a reply has none, the rows of `diagnosis.TABLE` about the stage show it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trackkit.domain.evidence import Evidence, Row
from trackkit.domain.fixes import Fix, setting
from trackkit.domain.past import About
from trackkit.domain.reasons import Reason

_SAID: Final = ": {reply}"


def because(*reasons: Reason) -> Callable[[Evidence], bool]:
    """Whether the last attempt failed for one of these reasons."""
    return lambda e: e.last is not None and e.last.reason in reasons


def to_relay(*reasons: Reason) -> Callable[[Evidence], bool]:
    """The same of the relay."""
    return lambda e: not e.direct and because(*reasons)(e)


def _by_the_relay(e: Evidence) -> Fix | None:
    host = e.options.sending.smtp.host
    return setting(f"Send by the relay {host}", sending__method="smtp") if e.direct and host else None


def _encrypted(e: Evidence) -> Fix | None:
    if e.options.sending.smtp.encryption in ("starttls", "tls"):
        return None
    return setting("Encrypt with STARTTLS", sending__smtp__encryption="starttls")


def _submission_port(e: Evidence) -> Fix | None:
    if e.options.sending.smtp.port == SUBMISSION:
        return None
    return setting(f"Use port {SUBMISSION}", sending__smtp__port=SUBMISSION)


def _half_the_rate(e: Evidence) -> Fix | None:
    now = e.options.sending.timing.messages_per_minute
    if now is None or now < 2:
        return None
    return setting(f"Send at most {now // 2} messages a minute", sending__timing__messages_per_minute=now // 2)


def _half_the_connections(e: Evidence) -> Fix | None:
    now = e.options.sending.timing.connections
    if now < 2:
        return None
    return setting(f"Open at most {now // 2} connections", sending__timing__connections=now // 2)


def _let_in_nobody(e: Evidence) -> bool:
    """A relay denies access to somebody who is not logged in."""
    return to_relay(Reason.access_denied)(e) and e.options.sending.smtp.authentication == "anonymous"


SUBMISSION: Final = 587
"""RFC 6409."""

_ADDRESS_ROWS: Final = (
    Row(
        "mailbox_full",
        because(Reason.mailbox_full),
        "The mailbox is full",
        "{host} says that the mailbox of {address} is full" + _SAID,
        "Tell the recipient by other means. {again}",
        "mail.reattempt",
        about=About.address,
    ),
    Row(
        "mailbox_disabled",
        because(Reason.mailbox_disabled),
        "The mailbox is shut",
        "{host} says that the mailbox of {address} is disabled, locked or not used any more" + _SAID,
        "Ask the recipient for another address; correct it here, or delete the mail.",
        "mail.edit_recipient",
        about=About.address,
    ),
    Row(
        "user_moved",
        because(Reason.user_moved),
        "The recipient has another address now",
        "{host} says that {address} has moved" + _SAID,
        "Enter the new address, which the reply may name; or ask the recipient, or delete the mail.",
        "mail.edit_recipient",
        about=About.address,
    ),
    Row(
        "unknown_domain",
        because(Reason.unknown_domain),
        "The host does not know the domain",
        "{host} does not know the domain of {address}" + _SAID,
        "Check the part after the @: correct it, or delete the mail.",
        "mail.edit_recipient",
        about=About.address,
    ),
    Row(
        "not_authorised",
        because(Reason.not_authorised),
        "The sender may not write there",
        "{host} does not let this sender write to {address}, as a closed list or group does" + _SAID,
        "Ask the recipient, or whoever looks after the list, to let the sender in; then reattempt.",
        "mail.reattempt",
        about=About.address,
    ),
)

_MESSAGE_ROWS: Final = (
    Row(
        "message_too_large",
        because(Reason.too_large),
        "The message is too large",
        "{host} does not take messages of that size" + _SAID,
        "Have it sent anew without the large part, which a link can replace, and delete this one.",
        "mail.delete",
        about=About.message,
    ),
    Row(
        "virus",
        because(Reason.virus),
        "The host finds a virus in it",
        "{host} takes the message for harmful" + _SAID,
        "Look at the attachments and at the computer they come from; delete the mail.",
        "mail.delete",
        about=About.message,
    ),
    Row(
        "spam",
        because(Reason.spam),
        "The host takes it for spam",
        "{host} takes the message for unwanted" + _SAID,
        "Have it written in other words, or ask the host's administrator to let this sender in. {again}",
        "mail.reattempt",
        about=About.message,
    ),
    Row(
        "content",
        because(Reason.content),
        "The host refuses what is in it",
        "{host} refuses something in the message: a header, an attachment, or its form" + _SAID,
        "The reply says what. Have it sent anew without that, and delete this one.",
        "mail.delete",
        about=About.message,
    ),
    Row(
        "policy",
        because(Reason.policy),
        "The host's policy forbids it",
        "{host} refuses the message by a policy of its own" + _SAID,
        "Look up the page that the reply names, or ask the host's administrator. {again}",
        "mail.reattempt",
        about=About.message,
    ),
    Row(
        "loop",
        because(Reason.loop),
        "The mail goes in circles",
        "{host} has seen this message too often" + _SAID,
        "Is the SMTP host one that hands mail back to this server? Else tell the domain's administrator that its mail "
        "goes in circles. {again}",
        "options.set",
        "sending.smtp.host",
        about=About.message,
    ),
)

_SENDER_ROWS: Final = (
    Row(
        "sender_not_authenticated",
        because(Reason.authentication),
        "SPF, DKIM or DMARC does not pass",
        "{host} refuses the mail because the sender's domain does not speak for it" + _SAID,
        "In the DNS of the sender's domain, allow whatever sends this mail (SPF), or let the relay sign it (DKIM); or "
        "send by a relay which that domain allows. Then reattempt.",
        "options.set",
        "sending.method",
        fix=_by_the_relay,
        about=About.sending_machine,
    ),
    Row(
        "reverse_dns",
        because(Reason.reverse_dns),
        "The sending machine's address has no fitting name",
        "{host} wants a name in the DNS (PTR) for the address that connects, one that leads back to it" + _SAID,
        "Have whoever provides the address enter that name, or send by a relay. {again}",
        "options.set",
        "sending.method",
        fix=_by_the_relay,
        about=About.sending_machine,
    ),
    Row(
        "blocklisted",
        because(Reason.blocklisted),
        "The sending machine is on a block list",
        "{host} refuses the address or domain that sends, which is on a list" + _SAID,
        "Look up the list that the reply names, remove what got it there, and ask to be taken off; or send by a relay. "
        "{again}",
        "options.set",
        "sending.method",
        fix=_by_the_relay,
        about=About.sending_machine,
    ),
    Row(
        "reputation",
        because(Reason.reputation),
        "The host mistrusts the sending machine",
        "{host} slows or refuses the address that sends, for what came from it before" + _SAID,
        "Does something send bulk or unwanted mail from there? Send less at a time, or by a relay. {again}",
        "options.set",
        "sending.timing.messages_per_minute",
        fix=lambda e: _by_the_relay(e) or _half_the_rate(e),
        about=About.sending_machine,
    ),
    Row(
        "access_denied",
        because(Reason.access_denied),
        "The host denies access",
        "{host} has this sender or the sending machine on a list of its own" + _SAID,
        "Ask the host's administrator. {again}",
        "mail.reattempt",
        about=About.sending_machine,
    ),
    Row(
        "rate_limited",
        because(Reason.rate_limited),
        "Too much mail in too short a time",
        "{host} takes no more for now" + _SAID,
        "{again} If it goes on, set a limit of messages a minute.",
        "options.set",
        "sending.timing.messages_per_minute",
        fix=_half_the_rate,
    ),
    Row(
        "too_many_connections",
        because(Reason.too_many_connections),
        "Too many connections at once",
        "{host} takes no more connections from here" + _SAID,
        "{again} If it goes on, open fewer connections at once.",
        "options.set",
        "sending.timing.connections",
        fix=_half_the_connections,
    ),
    Row(
        "too_many_recipients",
        because(Reason.too_many_recipients),
        "Too many recipients at once",
        "{host} takes no more recipients of this message for now" + _SAID,
        "Reattempt: only those that are left are sent to. {again}",
        "mail.reattempt",
    ),
    Row(
        "sending_quota",
        because(Reason.sending_quota),
        "The mail account has sent what it may",
        "{host} lets this mail account send no more for now" + _SAID,
        "Wait until the provider's hour or day is over, or get a larger quota. {again}",
        "options.set",
        "sending.timing.messages_per_minute",
        fix=_half_the_rate,
    ),
    Row(
        "account_blocked",
        because(Reason.account_blocked),
        "The provider lets the mail account send nothing",
        "{host} has stopped this mail account, or all of its organisation, from sending" + _SAID,
        "Log in at the provider: it says why, and how to be let in again. Change the account's password if others may "
        "have used it; then reattempt.",
        "mail.reattempt",
    ),
)

_SETTING_ROWS: Final = (
    Row(
        "wrong_mail_host",
        lambda e: e.direct and because(Reason.relaying_denied, Reason.login_required)(e),
        "The domain names a host that does not take its mail",
        "{host} says that it is not there for mail to {address}" + _SAID,
        "Check the part after the @. If it is right, tell the domain's administrator: its MX record or that host is "
        "wrong. {again}",
        "mail.edit_recipient",
        about=About.address,
    ),
    Row(
        "relaying_denied",
        lambda e: because(Reason.relaying_denied)(e) or _let_in_nobody(e),
        "The host does not pass mail on for this server",
        "{host} takes no mail for {address} from here" + _SAID,
        "Log in to it with a mail account (authentication), or have its administrator allow this server's address.",
        "options.set",
        "sending.smtp.authentication",
    ),
    Row(
        "login_required",
        because(Reason.login_required),
        "The host wants a log-in",
        "{host} takes mail only after a log-in" + _SAID,
        "Choose an authentication, and enter the mail account's name and password.",
        "options.set",
        "sending.smtp.authentication",
    ),
    Row(
        "tls_required",
        to_relay(Reason.tls_required),
        "The host wants encryption",
        "{host} takes mail only over an encrypted connection" + _SAID,
        "Encrypt: with STARTTLS, or from the start at the port for that (465).",
        "options.set",
        "sending.smtp.encryption",
        fix=_encrypted,
    ),
    Row(
        "other_port",
        to_relay(Reason.other_port),
        "The host wants another port",
        "{host} takes such mail at another port" + _SAID,
        "Enter the port that the reply names; 587 is the usual one for mail with a log-in.",
        "options.set",
        "sending.smtp.port",
        fix=_submission_port,
    ),
)

_HOST_ROWS: Final = (
    Row(
        "greylisted",
        because(Reason.greylisted),
        "Greylisted",
        "{host} lets everybody it does not know wait a while first" + _SAID,
        "That passes by itself. {again}",
        "mail.reattempt",
    ),
    Row(
        "host_full",
        because(Reason.host_full),
        "The host has no room",
        "{host} has no storage left for more mail" + _SAID,
        "Tell the host's administrator if it lasts. {again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "host_dns",
        because(Reason.host_dns),
        "The host cannot look up something in the DNS",
        "{host} got no answer from the DNS" + _SAID,
        "Check that the domains of sender and recipient can be looked up from outside; else the host's administrator "
        "can help. {again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "next_host_unreachable",
        because(Reason.unreachable),
        "The host does not reach the next one",
        "{host} could not hand the mail on" + _SAID,
        "Tell the host's administrator if it lasts. {again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "expired_at_host",
        because(Reason.expired),
        "It waited too long at the host",
        "{host} gave up: it could not deliver the mail in its time" + _SAID,
        "Is the address right? Then reattempt.",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "protocol",
        because(Reason.protocol),
        "The host does not understand a command",
        "{host} refuses a command ({stage})" + _SAID,
        "Read the conversation of the last attempt: is this a mail host, and is no firewall between that changes what "
        "is said? {again}",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "host_trouble",
        because(Reason.host_trouble),
        "Trouble inside the host",
        "{host} has trouble of its own" + _SAID,
        "Tell the host's administrator if it lasts. {again}",
        "mail.reattempt",
        about=About.host,
    ),
)

REPLY_ROWS: Final = (*_SETTING_ROWS, *_SENDER_ROWS, *_ADDRESS_ROWS, *_MESSAGE_ROWS, *_HOST_ROWS)
