"""A failed connection becomes the right `ConnectionFailed`, with what to check next (SPEC §1).

`certificate_of` opens a connection and shakes hands; `broken` explains why a request over HTTP did not get through.
Each says what was tried, and sends nothing but a TLS handshake to find out.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

import httpx

from trackkit.client import tls
from trackkit.client.endpoint import Endpoint
from trackkit.domain.errors import (
    CertificateChanged,
    CertificateUntrusted,
    ConnectionFailed,
    HostNotAnswering,
    NameNotResolved,
    NotATrackkitServer,
    PortClosed,
    TlsMismatch,
)

CONNECT_TIMEOUT = 10.0
"""Seconds a host has to take a connection and to shake hands."""

_LOOK_SECONDS = 2.0
_NOT_ANSWERING = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENETDOWN}
_CHANGED_ADVICE = (
    "If the server's certificate was renewed on purpose, compare the new fingerprint with the one the server prints at "
    "its start and pin it: `trackkit connection pin NAME FINGERPRINT`, or Connections.pin(name, fingerprint). If it "
    "was not, somebody may be listening in: do not log in."
)
_SHOWN = 60


def certificate_of(endpoint: Endpoint, context: ssl.SSLContext | None = None) -> str:
    """The server's certificate (PEM), after a bare handshake.

    Parameters
    ----------
    context: verifies the certificate; without one, whatever is shown is returned.

    Raises the `ConnectionFailed` that says what went wrong.
    """
    with _connected(endpoint) as sock:
        try:
            der = tls.handshake(sock, context or tls.any_certificate(), endpoint.address)
        except tls.NotTls as error:
            raise _not_tls(endpoint, error.said) from None
        except ssl.SSLCertVerificationError as error:
            raise untrusted(endpoint, error) from None
        except ssl.SSLError as error:
            raise TlsMismatch(
                f"{endpoint.place} encrypts, but no common way of doing so was found ({error.reason}).",
                "TLS 1.2 or later is needed. Is something between here and the server that inspects connections?",
            ) from None
        except OSError as error:
            raise _silent(endpoint, error, CONNECT_TIMEOUT) from None
    return ssl.DER_cert_to_PEM_cert(der)


def fingerprint_of_pem(pem: str) -> str:
    """The fingerprint of a certificate in PEM form."""
    return tls.fingerprint_of(ssl.PEM_cert_to_DER_cert(pem))


def changed(endpoint: Endpoint, pinned: str, shown: str) -> CertificateChanged:
    """The refusal of another certificate than the pinned one; both are fingerprints."""
    return CertificateChanged(
        f"{endpoint.place} shows another certificate than before; nothing was sent.\n"
        f"  pinned: {pinned}\n  shown:  {shown}",
        _CHANGED_ADVICE,
        details={"pinned": pinned, "shown": shown},
    )


def untrusted(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> CertificateUntrusted:
    """The refusal of a certificate that does not verify."""
    return CertificateUntrusted(
        f"The certificate of {endpoint.place} does not verify: {error.verify_message}.",
        "Is it the right CA file, does the certificate name this host, is it still valid, and is the clock right?",
    )


def broken(endpoint: Endpoint, error: httpx.TransportError, timeout: float, pinned: str = "") -> ConnectionFailed:
    """Why a request did not get through.

    Parameters
    ----------
    timeout: how long an answer was waited for, in seconds.
    pinned: the fingerprint of the certificate that was expected.
    """
    cause = _root(error)
    if endpoint.folder:
        return not_running(endpoint.folder, cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _not_verified(endpoint, cause, pinned)
    if isinstance(error, httpx.ConnectTimeout) and isinstance(cause, TimeoutError):  # until the end of the handshake
        busy = _takes_connections(endpoint)
        return _silent(endpoint, cause, CONNECT_TIMEOUT) if busy else _unreached(endpoint, cause)
    if isinstance(cause, socket.gaierror | ConnectionRefusedError):
        return _unreached(endpoint, cause)
    if isinstance(cause, TimeoutError):
        return _silent(endpoint, cause, timeout)
    if isinstance(cause, OSError) and cause.errno in _NOT_ANSWERING:
        return _unreached(endpoint, cause)
    if not endpoint.encrypted and _speaks_tls(endpoint):
        return TlsMismatch(
            f"{endpoint.place} encrypts, but this connection does not.",
            "Switch encryption on in the connection, or write https:// instead of http://.",
        )
    return NotATrackkitServer(
        f"{endpoint.place} took the connection but did not answer like a trackkit server ({cause}).",
        "Is the port right? Was the server just stopped or restarted? Is a proxy in between?",
    )


def _not_verified(endpoint: Endpoint, error: ssl.SSLCertVerificationError, pinned: str) -> ConnectionFailed:
    try:
        shown = fingerprint_of_pem(certificate_of(endpoint))
    except ConnectionFailed as failed:
        return failed
    return changed(endpoint, pinned, shown) if pinned and shown != pinned else untrusted(endpoint, error)


def not_running(folder: str, cause: BaseException) -> ConnectionFailed:
    """Why the local socket of a data folder leads nowhere."""
    if isinstance(cause, TimeoutError):
        return HostNotAnswering(
            f"The server on the data folder {folder} does not answer.",
            "Is it very busy? See startup.log in the folder.",
        )
    return PortClosed(
        f"No server is running on the data folder {folder}.",
        f"Start it: `trackkit up --data {folder}` or `trackkit server run --data {folder}`.",
        details={"reason": str(cause)},
    )


def _connected(endpoint: Endpoint) -> socket.socket:
    try:
        return socket.create_connection((endpoint.address, endpoint.port), CONNECT_TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that IDNA cannot encode
        raise _unreached(endpoint, error) from None


def _takes_connections(endpoint: Endpoint) -> bool:
    try:
        with socket.create_connection((endpoint.address, endpoint.port), min(CONNECT_TIMEOUT, _LOOK_SECONDS)):
            return True
    except OSError:
        return False


def _unreached(endpoint: Endpoint, error: Exception) -> ConnectionFailed:
    if isinstance(error, socket.gaierror | UnicodeError):
        return NameNotResolved(
            f"The name {endpoint.address} does not resolve.",
            "Check the spelling, and whether this machine's DNS answers. An IP address works without DNS.",
        )
    if isinstance(error, ConnectionRefusedError):
        return PortClosed(
            f"{endpoint.address} answers, but nothing listens on port {endpoint.port}.",
            "Is the server running? Are address and port right? Does a firewall refuse the port?",
        )
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno in _NOT_ANSWERING):
        how = f"within {CONNECT_TIMEOUT:g} seconds" if isinstance(error, TimeoutError) else f"({error})"
        return HostNotAnswering(
            f"{endpoint.address} does not answer {how}.",
            "Is the machine switched on? Is the network up (VPN, firewall)? Is the address right?",
        )
    return ConnectionFailed(f"{endpoint.place} cannot be reached: {error}.", "Check address, port and network.")


def _not_tls(endpoint: Endpoint, said: bytes) -> ConnectionFailed:
    if said.startswith(b"HTTP/") or b"<html" in said.lower():  # some answer what they cannot read with a bare page
        return TlsMismatch(
            f"{endpoint.place} does not encrypt, but this connection does.",
            "If the server's encryption is switched off, switch it off in the connection too (http:// in a URL). "
            "Otherwise check the port: this may be another web server.",
        )
    what = f"It says: {said[:_SHOWN].decode('latin-1')!a}" if said else "It closed the connection."
    return NotATrackkitServer(
        f"Something else than a trackkit server listens on {endpoint.place}. {what}", "Check address and port."
    )


def _silent(endpoint: Endpoint, error: OSError, timeout: float) -> ConnectionFailed:
    if isinstance(error, TimeoutError):
        return HostNotAnswering(
            f"{endpoint.place} takes connections but gave no answer within {timeout:g} seconds.",
            "The server may be very busy or hanging, or something else listens there. Try again; check the port.",
        )
    return NotATrackkitServer(
        f"{endpoint.place} broke the connection off ({error.strerror or error}).",
        "Is the port right? Was the server just stopped or restarted?",
    )


def _speaks_tls(endpoint: Endpoint) -> bool:
    try:
        certificate_of(endpoint)
    except ConnectionFailed:
        return False
    return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _root(error: BaseException) -> BaseException:
    """The operating system's or TLS's own error underneath the HTTP library's; `error` itself when there is none."""
    return next((e for e in _chain(error) if isinstance(e, OSError)), error)
