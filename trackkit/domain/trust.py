"""Which certificates of mail hosts are believed although they do not verify, and the words for why one does not.

- What an administrator trusted with a click, or uploaded for a host and port, is believed there as this very
  certificate, whatever its names, dates and issuer say: it was looked at.
- An uploaded authority is believed as the issuer of others, for one host and port or for all; names and dates of
  those are verified as ever.
- Where a recipient's domain says what its hosts have to prove (MTA-STS, DANE), nobody here can overrule it.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from trackkit.domain.errors import InvalidInput
from trackkit.domain.expiry import Stage
from trackkit.domain.hosts import can_be_host, host_and_port


class Reason(StrEnum):
    """Why a certificate does not verify."""

    self_signed = "self_signed"
    unknown_issuer = "unknown_issuer"
    expired = "expired"
    not_yet_valid = "not_yet_valid"
    wrong_name = "wrong_name"
    weak_key = "weak_key"
    weak_signature = "weak_signature"
    wrong_signature = "wrong_signature"
    """Somebody of the issuer's name vouches for it, with another key than the issuer's."""
    wrong_use = "wrong_use"
    not_published = "not_published"
    """The domain has published another one in the DNS (DANE)."""
    other = "other"


class AskedBy(StrEnum):
    """Who wants the proof that a certificate did not bring."""

    server = "server"
    """This server, of its relay."""
    mta_sts = "MTA-STS"
    dane = "DANE"


WORDS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.self_signed: "it is self-signed, so nobody vouches for it",
        Reason.unknown_issuer: "it was issued by somebody this server does not know",
        Reason.expired: "it, or the certificate of an issuer, has expired",
        Reason.not_yet_valid: "it, or the certificate of an issuer, is not valid yet",
        Reason.wrong_name: "it was made for another host name",
        Reason.weak_key: "its key, or an issuer's, is too weak",
        Reason.weak_signature: "it, or an issuer's, is signed by a method that is too weak",
        Reason.wrong_signature: "its signature is not that of the issuer it names",
        Reason.wrong_use: "it, or an issuer's, was not made for this use",
        Reason.not_published: "it is not the one that its domain has published in the DNS",
        Reason.other: "it does not verify",
    }
)

_OF_CODE: Final[Mapping[int, Reason]] = MappingProxyType(
    {
        18: Reason.self_signed,
        **dict.fromkeys((2, 19, 20, 21, 27), Reason.unknown_issuer),
        10: Reason.expired,
        9: Reason.not_yet_valid,
        **dict.fromkeys((62, 63, 64), Reason.wrong_name),
        **dict.fromkeys((66, 67), Reason.weak_key),
        68: Reason.weak_signature,
        **dict.fromkeys((4, 6, 7), Reason.wrong_signature),
        **dict.fromkeys((24, 25, 26, 28, 32), Reason.wrong_use),
    }
)
"""X509_V_ERR codes of OpenSSL (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/)."""


def reason_of(verify_code: int) -> Reason:
    """What OpenSSL's code means."""
    return _OF_CODE.get(verify_code, Reason.other)


@dataclass(frozen=True, slots=True)
class Seen:
    """A certificate that a host has shown and that does not verify.

    Parameters
    ----------
    chain: what the host has shown, in DER; its own certificate first.
    details: OpenSSL's words.
    """

    host: str
    port: int
    chain: tuple[bytes, ...]
    reason: Reason
    details: str
    asked_by: AskedBy
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Trust:
    """What is believed of one host and port."""

    certificates: frozenset[bytes] = frozenset()
    """SHA-256 of the very certificates."""
    authorities: tuple[bytes, ...] = ()
    """In DER."""


NOTHING: Final = Trust()


@dataclass(frozen=True, slots=True)
class Trusted:
    """A trusted certificate; without a host it is an authority for every host."""

    host: str
    port: int
    der: bytes
    digest: bytes
    """SHA-256."""
    is_authority: bool


def trust_of(trusted: Iterable[Trusted], host: str, port: int) -> Trust:
    """What is believed of that host and port."""
    name = normal_host(host)
    here = [one for one in trusted if not one.host or (one.host, one.port) == (name, port)]
    return Trust(
        frozenset(one.digest for one in here if one.host),
        tuple(one.der for one in here if one.is_authority),
    )


def normal_host(host: str) -> str:
    """A host's name or address in the one form in which two are compared."""
    text = host.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(text))
    except ValueError:
        return text.rstrip(".").lower()


def expiry_words(subject: str, where: str, until: date, stage: Stage, *, is_authority: bool) -> str:
    """The warning about a trusted certificate that ends."""
    what = f"The trusted {'authority' if is_authority else 'certificate'} {subject} ({where})"
    when = {Stage.ended: f"expired on {until}", Stage.last_day: "expires today"}.get(stage, f"expires on {until}")
    if is_authority:
        return f"{what} {when}: what it issued does not verify from then on. Upload its successor."
    return f"{what} {when}. It stays trusted, but its host will show another one, which has to be trusted anew."


def where(host: str, port: int) -> str:
    """Where a certificate is from or trusted, in words."""
    return host_and_port(host, port) if host else "every host"


def refusal(asked_by: AskedBy) -> str:
    """Why a certificate cannot be trusted here; empty = it can."""
    if asked_by is AskedBy.server:
        return ""
    return (
        f"The recipient's domain asks for this proof ({asked_by}), so that nobody but its own administrator can let "
        "another certificate pass."
    )


def checked_place(host: str, port: int, *, is_authority: bool) -> tuple[str, int]:
    """For which host and port an uploaded certificate is trusted; `InvalidInput` says what is missing."""
    name = normal_host(host)
    if host and not can_be_host(name):
        raise InvalidInput.of("host", "is no host name and no IP address")
    if not name:
        if port:
            raise InvalidInput.of("host", "is missing; a port alone is no place", "Give the host, or no port.")
        if not is_authority:
            words = "is missing, and this is no authority's certificate, which could count for every host"
            raise InvalidInput.of("host", words, "Give the mail host's name and port.")
        return "", 0
    if not port:
        raise InvalidInput.of("port", "is missing", "Give the port of the mail host, such as 587.")
    return name, port
