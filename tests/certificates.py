"""Certificates with any fault a mail host's can have, made on the spot."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
HOST = "127.0.0.1"
SHA256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def server(self, *chain: Made, weak: bool = False) -> ssl.SSLContext:
        """A server's context that shows it, and `chain` behind it; `weak`: it may be as weak as it likes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if weak:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(self.key_pem + self.pem + b"".join(one.pem for one in chain))
            file.flush()
            context.load_cert_chain(Path(file.name))
        return context


@cache
def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def certificate(
    name: str = HOST,
    issuer: Made | None = None,
    *,
    valid: tuple[datetime, datetime] | None = None,
    key: Any = None,
    is_authority: bool = False,
    subject: str = "",
    client_only: bool = False,
) -> Made:
    """A certificate for a host (or an authority), signed by `issuer`, else by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    begins, ends = valid or (now - DAY, now + 90 * DAY)
    mine = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(mine)
        .issuer_name(issuer.certificate.subject if issuer else mine)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not is_authority:
        try:
            general: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            general = x509.DNSName(name)
        builder = builder.add_extension(x509.SubjectAlternativeName([general]), critical=False)
    if client_only:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(usage, critical=False)
    return Made(builder.sign(signer, hashes.SHA256()), key)


def signed_by_sha1() -> tuple[Made, Made]:
    """A certificate that its authority has signed by SHA-1, and the authority. cryptography makes none such: one that
    is signed by SHA-256 gets the other method's name in both places, and a new signature.
    """
    issuer = certificate("An old authority", is_authority=True, key=rsa.generate_private_key(65537, 2048))
    made = certificate(issuer=issuer)
    old, new = made.der, bytes.fromhex("2a864886f70d010105")
    signed = made.certificate.tbs_certificate_bytes.replace(SHA256_WITH_RSA, new)
    signature = issuer.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    der = old.replace(made.certificate.tbs_certificate_bytes, signed).replace(SHA256_WITH_RSA, new)
    return Made(x509.load_der_x509_certificate(der.replace(made.certificate.signature, signature)), made.key), issuer


def authority(subject: str = "The test's authority", issuer: Made | None = None) -> Made:
    """An authority, a root unless it has an issuer."""
    return certificate(subject, issuer, is_authority=True)


def trusting(*authorities: Made) -> ssl.SSLContext:
    """A machine that knows these authorities."""
    context = ssl.create_default_context()
    for one in authorities:
        context.load_verify_locations(cadata=one.der)
    return context
