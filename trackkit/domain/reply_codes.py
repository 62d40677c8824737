"""What codes alone say about why a host refuses: RFC 3463, the IANA registry (RFC 5248), RFC 7504, RFC 7505, Microsoft.

Keys are subject and detail of an enhanced code where the class (4 for now, 5 for good) does not change the reason, else
the whole code: 4.2.1 is a mailbox that is busy as often as one that is shut.
"""

from __future__ import annotations

from typing import Final

from trackkit.domain.reasons import Reason

DECISIVE: Final = {
    "1.6": Reason.user_moved,
    "1.7": Reason.sender_rejected,
    "2.3": Reason.too_large,
    "3.4": Reason.too_large,
    "4.14": Reason.loop,
    "6.7": Reason.not_ascii,
    "6.9": Reason.not_ascii,
    "7.10": Reason.tls_required,
    "7.20": Reason.authentication,
    "7.21": Reason.authentication,
    "7.22": Reason.authentication,
    "7.23": Reason.authentication,
    "7.24": Reason.authentication,
    "7.25": Reason.reverse_dns,
    "7.26": Reason.authentication,
    "7.57": Reason.login_required,
    "7.64": Reason.relaying_denied,
    "7.124": Reason.not_authorised,
    "7.133": Reason.not_authorised,
    "7.134": Reason.not_authorised,
    "7.509": Reason.authentication,
    "7.515": Reason.authentication,
}

GENERAL: Final = {
    "1.1": Reason.unknown_user,
    "1.2": Reason.unknown_domain,
    "1.3": Reason.unknown_user,
    "1.4": Reason.unknown_user,
    "1.8": Reason.sender_rejected,
    "1.10": Reason.unknown_user,
    "1.351": Reason.unknown_user,
    "5.2.1": Reason.mailbox_disabled,
    "2.2": Reason.mailbox_full,
    "3.0": Reason.host_trouble,
    "3.1": Reason.host_full,
    "3.2": Reason.host_trouble,
    "3.5": Reason.host_trouble,
    "4.1": Reason.unreachable,
    "4.2": Reason.unreachable,
    "4.3": Reason.host_dns,
    "4.4": Reason.unknown_domain,
    "4.5": Reason.host_trouble,
    "4.6": Reason.loop,
    "4.7": Reason.expired,
    "5.1": Reason.protocol,
    "5.2": Reason.protocol,
    "5.3": Reason.too_many_recipients,
    "5.4": Reason.protocol,
    "6.0": Reason.content,
    "6.1": Reason.content,
    "6.2": Reason.content,
    "6.3": Reason.content,
    "6.5": Reason.content,
    "7.2": Reason.not_authorised,
    "7.12": Reason.not_authorised,
    "7.13": Reason.mailbox_disabled,
    "7.17": Reason.unknown_user,
    "7.18": Reason.unknown_domain,
    "7.27": Reason.sender_rejected,
    "7.28": Reason.rate_limited,
    "7.29": Reason.authentication,
}

SENDER_DOMAIN: Final = "1.8"
"""Among rejected senders, those whose domain the host does not find: they have a row of the diagnosis of their own."""

REPLY_CODES: Final = {521: Reason.takes_no_mail, 523: Reason.too_large, 556: Reason.takes_no_mail}
"""RFC 7504 §3, RFC 7505 §4; 523 is Google's and Microsoft's for a size over the recipient's own limit."""

LOGIN_CODES: Final = {
    "7.8": Reason.password,
    "7.3": Reason.password,
    "7.9": Reason.app_password,
    "7.12": Reason.password_expired,
    "7.13": Reason.login_blocked,
}

_REFUSED_LOGIN: Final = 535

_MICROSOFT: Final = (
    (range(500, 504), Reason.reputation),
    (range(606, 650), Reason.blocklisted),
    (range(650, 652), Reason.reputation),
    (range(700, 750), Reason.account_blocked),
    (range(850, 900), Reason.reputation),
)
"""Details of x.7.y: suspicious so far, banned addresses, slowed for what was sent, an organisation stopped, slowed."""


def certain(smtp_code: int | None, enhanced_code: str) -> Reason | None:
    """What the codes say whatever the words are."""
    return DECISIVE.get(_subject(enhanced_code)) or _microsoft(enhanced_code) or REPLY_CODES.get(smtp_code or 0)


def general(enhanced_code: str) -> Reason | None:
    """What the enhanced code says where the words say nothing that is known."""
    return GENERAL.get(_subject(enhanced_code)) or GENERAL.get(enhanced_code)


def of_login(smtp_code: int | None, enhanced_code: str) -> Reason | None:
    """What the codes of a reply to a log-in say (RFC 4954)."""
    return LOGIN_CODES.get(_subject(enhanced_code)) or (Reason.password if smtp_code == _REFUSED_LOGIN else None)


def of_codes_alone(smtp_code: int | None, enhanced_code: str) -> Reason | None:
    """What can be known without reading the words."""
    return certain(smtp_code, enhanced_code) or general(enhanced_code)


def is_about_senders_domain(enhanced_code: str) -> bool:
    """Whether it is `SENDER_DOMAIN`, for now or for good."""
    return _subject(enhanced_code) == SENDER_DOMAIN


def _subject(enhanced_code: str) -> str:
    return enhanced_code.partition(".")[2]


def _microsoft(enhanced_code: str) -> Reason | None:
    subject, _, detail = _subject(enhanced_code).partition(".")
    if subject != "7" or not (detail.isascii() and detail.isdigit()):
        return None
    return next((reason for numbers, reason in _MICROSOFT if int(detail[:6]) in numbers), None)
