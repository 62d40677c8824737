"""Reading X.509 certificates: what one says about itself, and what a person uploads.

`facts` never fails: hosts show what they like, and what cannot be read is told so. `uploaded` raises `InvalidInput`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Final

from cryptography import x509

from trackkit.domain.errors import InvalidInput

_END: Final = "-----END CERTIFICATE-----"
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_MOST_NAMES: Final = 50
_LONGEST: Final = 300
_UNREADABLE: Final = "cannot be read"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says about itself. Dates are none where it cannot be read."""

    fingerprint: str
    """SHA-256, as OpenSSL writes it: ``AB:CD:…``."""
    subject: str
    issuer: str
    names: tuple[str, ...]
    """The hosts it was made for, names and addresses."""
    valid_from: datetime | None
    valid_until: datetime | None
    is_authority: bool


@lru_cache(maxsize=1_000)
def facts(der: bytes) -> Facts:
    """What a certificate says about itself."""
    fingerprint = fingerprint_of(sha256(der).digest())
    try:
        read = x509.load_der_x509_certificate(der)
        return Facts(
            fingerprint,
            _name(read.subject),
            _name(read.issuer),
            _names(read),
            read.not_valid_before_utc,
            read.not_valid_after_utc,
            _is_authority(read),
        )
    except Exception:  # noqa: BLE001 - hosts show what they like, and many errors of cryptography have no common class
        return Facts(fingerprint, _UNREADABLE, _UNREADABLE, (), None, None, is_authority=False)


def fingerprint_of(digest: bytes) -> str:
    """A digest as people compare it."""
    return digest.hex(":").upper()


def pem_of(chain: Iterable[bytes]) -> str:
    """Certificates in DER as one text."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, chain))


def first_of(pem: str) -> bytes:
    """The first certificate of such a text, in DER."""
    return ssl.PEM_cert_to_DER_cert(pem[: pem.index(_END) + len(_END)])


def uploaded(content: bytes) -> bytes:
    """The one certificate that a file holds, PEM or DER, in DER; `InvalidInput` says what is wrong with the file."""
    if b"PRIVATE KEY-----" in content:
        raise InvalidInput.of(
            "certificate", "holds a private key, which must never leave its host", "Upload the certificate alone."
        )
    found = _PEM.findall(content)
    if len(found) > 1:
        words = f"holds {len(found)} certificates"
        raise InvalidInput.of("certificate", words, "Upload one at a time: the host's own, or its authority's.")
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0].decode("ascii")) if found else content
    except ValueError:
        der = b""
    if facts(der).valid_until is None:
        words = "is no X.509 certificate in PEM or DER, or a damaged one"
        raise InvalidInput.of("certificate", words, "Export it in one of these forms.")
    return der


def _name(name: x509.Name) -> str:
    """A distinguished name in one bounded line."""
    return _line(name.rfc4514_string())


def _line(text: str) -> str:
    """Hosts write what they like: what cannot be shown and stored as it is, is escaped."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in cut)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(_line(str(name)) for name in islice(_each(names), _MOST_NAMES))


def _each(names: x509.SubjectAlternativeName) -> Iterator[object]:
    yield from names.get_values_for_type(x509.DNSName)
    yield from names.get_values_for_type(x509.IPAddress)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False
