"""Certificates: fingerprints, a handshake that sends nothing else, and contexts that trust exactly one certificate.

`handshake` drives TLS over memory buffers, because then the first bytes of a peer that does not speak TLS are at
hand and say what it speaks instead; nothing but the handshake is ever sent to find that out. TLS 1.2 at least
(RFC 9325 §3.1.1).
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from pathlib import Path

from trackkit.domain.errors import InvalidInput

_PREFIX = "sha256:"
_CHUNK = 16_384


class NotTls(Exception):
    """The peer answered the handshake with something else; `said` is how that begins (empty: it hung up)."""

    def __init__(self, said: bytes) -> None:
        super().__init__("the peer does not speak TLS")
        self.said = said


def fingerprint_of(der: bytes) -> str:
    """``sha256:`` and the SHA-256 of the certificate's DER form in lower case hex."""
    return _PREFIX + hashlib.sha256(der).hexdigest()


def checked_fingerprint(text: str) -> str:
    """A fingerprint as people paste it (colons, blanks, capitals) in the one form; else `InvalidInput`."""
    digits = re.sub(r"[:\s]", "", text.strip().lower().removeprefix(_PREFIX))
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise InvalidInput.of("fingerprint", "is no SHA-256 fingerprint (64 hexadecimal digits)")
    return _PREFIX + digits


def any_certificate() -> ssl.SSLContext:
    """For fetching a certificate only; never to be used for a request."""
    context = _client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def only_this_certificate(pem: str) -> ssl.SSLContext:
    """Trusts the certificate `pem` itself, whoever signed it and whatever host it names.

    Raises `InvalidInput` when `pem` is no certificate.
    """
    context = _client_context()
    context.check_hostname = False  # the pinned certificate is the identity; a server's name may differ by client
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # so that one not signed by itself can be trusted alone
    try:
        context.load_verify_locations(cadata=pem)
    except ssl.SSLError:
        raise InvalidInput.of("certificate", "is no certificate in PEM form") from None
    return context


def signed_by(ca_file: str | Path) -> ssl.SSLContext:
    """Ordinary verification, host name included, against the certificates in `ca_file` and no others.

    Raises `InvalidInput` when the file cannot be read or holds no certificate.
    """
    context = _client_context()
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except ssl.SSLError:
        raise InvalidInput.of("ca_file", f"{ca_file} holds no certificate in PEM form") from None
    except OSError as error:
        raise InvalidInput.of("ca_file", f"{ca_file} cannot be read: {error.strerror}") from None
    return context


def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def handshake(sock: socket.socket, context: ssl.SSLContext, server_name: str) -> bytes:
    """Shake hands over a connected socket and return the peer's certificate (DER).

    Raises
    ------
    NotTls: the peer speaks something else, or hung up.
    ssl.SSLError: it speaks TLS, but no agreement was reached or the certificate did not verify.
    OSError: the connection broke or timed out.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    said = b""
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            data = sock.recv(_CHUNK)
            said = said or data
            if not data:
                raise NotTls(b"" if is_tls(said) else said) from None
            incoming.write(data)
        except ssl.SSLError:
            if not is_tls(said):
                raise NotTls(said) from None
            raise
        else:
            sock.sendall(outgoing.read())
            certificate = tls.getpeercert(binary_form=True)
            if certificate is None:
                raise NotTls(b"")
            return certificate


def is_tls(said: bytes) -> bool:
    """Whether bytes begin like a TLS handshake or alert record (RFC 8446 §5.1)."""
    return len(said) >= 2 and said[0] in (0x15, 0x16) and said[1] == 3
