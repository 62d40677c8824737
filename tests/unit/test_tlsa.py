"""What a certificate proves by the TLSA records of its host (DANE)."""

from __future__ import annotations

import hashlib
import ssl
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trackkit.mail.route import TlsaRecord
from trackkit.mail.transports.proof import any_certificate, shown, tlsa_problem, usable

AUTHORITY, OTHER = trustme.CA(), trustme.CA()
BETWEEN = AUTHORITY.create_child_ca()
LEAF = BETWEEN.issue_cert("mx.d.test", "*.w.test")


def shaken(leaf: trustme.LeafCert, *, also: trustme.CA | None = None) -> ssl.SSLObject:
    """A client's side of a connection on which that certificate, and the authority `also`, were shown."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems) + (also.cert_pem.bytes() if also else b"")
    with trustme.Blob(leaf.private_key_pem.bytes() + chain).tempfile() as file:
        server_context.load_cert_chain(file)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = any_certificate().wrap_bio(to_client, to_server, server_hostname="mx.d.test")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client


class OfOldOpenSsl(ssl.SSLObject):
    """After a handshake that failed: OpenSSL before 3 keeps no chain then, and Python refuses to say whose it was."""

    _sslobj = SimpleNamespace(get_unverified_chain=lambda: None)
    get_unverified_chain = None

    def getpeercert(self, binary_form: bool = False) -> Any:
        raise ValueError("handshake not done yet")


def of(blob: trustme.Blob) -> x509.Certificate:
    return x509.load_pem_x509_certificate(blob.bytes())


def whole(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


OWN, ISSUER, ROOT = of(LEAF.cert_chain_pems[0]), of(BETWEEN.cert_pem), of(AUTHORITY.cert_pem)


@pytest.mark.parametrize(
    ("record", "host", "fits"),
    [
        (TlsaRecord(3, 1, 1, hashlib.sha256(key(OWN)).digest()), "any.name", True),
        (TlsaRecord(3, 0, 2, hashlib.sha512(whole(OWN)).digest()), "mx.d.test", True),
        (TlsaRecord(3, 0, 0, whole(OWN)), "mx.d.test", True),
        (TlsaRecord(3, 1, 1, hashlib.sha256(key(ISSUER)).digest()), "mx.d.test", False),
        (TlsaRecord(2, 0, 1, hashlib.sha256(whole(ISSUER)).digest()), "mx.d.test", True),
        (TlsaRecord(2, 1, 1, hashlib.sha256(key(ROOT)).digest()), "mx.d.test", True),
        (TlsaRecord(2, 0, 1, hashlib.sha256(whole(ISSUER)).digest()), "a.w.test", True),
        (TlsaRecord(2, 0, 1, hashlib.sha256(whole(ISSUER)).digest()), "a.b.w.test", False),
        (TlsaRecord(2, 0, 1, hashlib.sha256(whole(OWN)).digest()), "mx.d.test", False),
        (TlsaRecord(2, 0, 1, hashlib.sha256(whole(of(OTHER.cert_pem))).digest()), "mx.d.test", False),
    ],
)
def test_records_fit_or_not(record: TlsaRecord, host: str, fits: bool) -> None:
    reason = tlsa_problem(shaken(LEAF, also=AUTHORITY), (record,), host)
    assert (reason == "") == fits, reason


def test_an_authority_that_issued_nothing_does_not_count() -> None:
    record = TlsaRecord(2, 0, 1, hashlib.sha256(whole(of(OTHER.cert_pem))).digest())
    alone = AUTHORITY.issue_cert("mx.d.test")
    assert "chain" in tlsa_problem(shaken(alone, also=OTHER), (record,), "mx.d.test")


def test_which_records_are_of_use() -> None:
    good = [TlsaRecord(3, 1, 1, b"x"), TlsaRecord(2, 0, 0, b"x")]
    bad = [TlsaRecord(0, 1, 1, b"x"), TlsaRecord(1, 1, 1, b"x"), TlsaRecord(3, 2, 1, b"x"), TlsaRecord(3, 1, 3, b"x")]
    assert usable([*good, *bad]) == tuple(good)


def test_what_openssl_did_not_keep_was_not_shown() -> None:
    assert shown(object.__new__(OfOldOpenSsl)) == []
