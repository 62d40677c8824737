"""What a certificate proves when no authority is asked: nothing, or that it is the one its domain published (DANE).

Source: RFC 7672 §3.1: of the TLSA records 3 x x (this very certificate or key) and 2 x x (an authority of the domain's
own) are of use for mail. Nothing here fails: what does not fit is told in words.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trackkit.mail.route import TlsaRecord

_AUTHORITY: Final = 2
_THIS_ONE: Final = 3
_WHOLE, _KEY = 0, 1
_HASHES: Final = {1: hashlib.sha256, 2: hashlib.sha512}


def any_certificate() -> ssl.SSLContext:
    """A context that encrypts and lets any certificate pass."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def usable(records: Iterable[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """Those that can be compared with a mail host's certificate (RFC 7672 §3.1.3: 0 and 1 are not for mail)."""
    return tuple(
        record
        for record in records
        if record.usage in (_AUTHORITY, _THIS_ONE)
        and record.selector in (_WHOLE, _KEY)
        and record.matching in (0, *_HASHES)
    )


def tlsa_problem(tls: ssl.SSLObject, records: Sequence[TlsaRecord], host: str) -> str:
    """Why the chain a host has shown fits none of the records; ``""`` when it does."""
    try:
        chain = [x509.load_der_x509_certificate(der) for der in shown(tls)]
    except ValueError:
        return "the certificate cannot be read"
    if not chain:
        return "the host showed no certificate"
    if any(record.usage == _THIS_ONE and _fits(record, chain[0]) for record in records):
        return ""
    authorities = [record for record in records if record.usage == _AUTHORITY]
    if not authorities:
        return "the certificate is not the one that the DNS (TLSA) names"
    return _chain_problem(chain, authorities, host)


def shown(tls: ssl.SSLObject) -> list[bytes]:
    """The certificates as they came, the host's own first. Python has a public way to the others from 3.13 on only."""
    public = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        return [bytes(one) for one in public()]
    inner = getattr(tls, "_sslobj", None)
    chain = inner.get_unverified_chain() if inner is not None else None
    if chain:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain]
    try:
        own = tls.getpeercert(binary_form=True)
    except ValueError:  # the handshake has failed, and an OpenSSL before 3 does not keep what was shown in it
        own = None
    return [own] if own else []


def _fits(record: TlsaRecord, certificate: x509.Certificate) -> bool:
    if record.selector == _WHOLE:
        subject = certificate.public_bytes(Encoding.DER)
    else:
        subject = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    hashed = _HASHES.get(record.matching)
    return (hashed(subject).digest() if hashed else subject) == record.data


def _chain_problem(chain: Sequence[x509.Certificate], records: Sequence[TlsaRecord], host: str) -> str:
    """Whether an authority among `chain` that the records name has issued the host's certificate (§3.1.2)."""
    now = datetime.now(UTC)
    own = chain[0]
    if not _named(own, host):
        return f"the certificate was not made for {host}"
    for number, certificate in enumerate(chain):
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return "a certificate is not valid at this time"
        if number and not _issued(chain[number - 1], certificate):
            return "the certificates do not form a chain"
        if number and any(_fits(record, certificate) for record in records):
            return ""
    return "the DNS (TLSA) names another authority than the one that issued the certificate"


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        limits = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return limits.ca


def _named(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    wanted = host.lower()
    for name in (name.lower() for name in names.get_values_for_type(x509.DNSName)):
        if name == wanted or (name.startswith("*.") and name[2:] == wanted.partition(".")[2]):
            return True
    return False
