"""Reach a server and log in: `connect` over the network, `local` through the owner-only socket of a data folder.

What happens first, and sends nothing but a TLS handshake: the certificate is compared with the pinned one (or the
given fingerprint, or verified against `ca_file`). Then the server says what it is and which version it speaks.
Only then a log-in is sent. Proxies named in the environment are not used: a pinned certificate is the server's own.

Every failure is a `TrackkitError` that says what to check next.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx

from trackkit.client import diagnose, local_socket, tls
from trackkit.client.admin import Secret
from trackkit.client.call import LIMITS, Caller
from trackkit.client.connections import Connection, Connections
from trackkit.client.endpoint import Endpoint, from_url, looks_like_url
from trackkit.client.server import Server
from trackkit.contract.wire import API_VERSION
from trackkit.domain.accounts import ADMIN
from trackkit.domain.errors import (
    CertificateUnknown,
    InvalidInput,
    NotLoggedIn,
    VersionMismatch,
)

Pin = Callable[[str], bool]
"""Takes the fingerprint of an unknown certificate and says whether it is the right one."""


def connect(
    name_or_url: str,
    *,
    username: str | None = None,
    password: Secret | None = None,
    token: Secret | None = None,
    fingerprint: str | None = None,
    ca_file: str | Path | None = None,
    pin: Pin | None = None,
) -> Server:
    """Reach a server over the network and log in. Never prompts.

    Parameters
    ----------
    name_or_url: the name of a connection, or ``https://host:port`` (``http://`` where encryption is off).
    username, password, token: the log-in; without any, TRACKKIT_TOKEN or TRACKKIT_USERNAME and TRACKKIT_PASSWORD, then
        what the connection remembers in the operating system's keyring.
    fingerprint: SHA-256 of the server's certificate; without one, that of the connection, then TRACKKIT_FINGERPRINT.
    ca_file: verify against these certificates, host name included, instead of a fingerprint; without either and where
        nothing is pinned, TRACKKIT_CA_FILE.
    pin: asked at first use; the confirmed certificate of a named connection is written to `connections.toml`.

    Raises
    ------
    ConnectionFailed: in its kinds; `CertificateUnknown` at first use without any of the three above.
    WrongLogin, NotLoggedIn: the log-in is wrong, or there is none.
    """
    server = reach(name_or_url, fingerprint=fingerprint, ca_file=ca_file, pin=pin)
    try:
        _log_in(server, _find(name_or_url), username, password, token)
    except BaseException:
        server.close()
        raise
    return server


def reach(
    name_or_url: str,
    *,
    fingerprint: str | None = None,
    ca_file: str | Path | None = None,
    pin: Pin | None = None,
) -> Server:
    """Reach a server without logging in: enough for `info`, `complete_setup`, and a `log_in` later."""
    connection = _find(name_or_url)
    place = connection.endpoint
    if not place.encrypted and (fingerprint or ca_file):
        raise InvalidInput.of(
            "ca_file" if ca_file else "fingerprint",
            f"is given, but the connection to {place.place} is not encrypted",
            "Write https://, switch encryption on in the connection, or leave it out.",
        )
    context, shown = _trusted(connection, place, fingerprint, ca_file, pin) if place.encrypted else (None, "")
    transport = httpx.HTTPTransport(verify=context or tls.any_certificate(), limits=LIMITS)
    return _met(Server(connection.name or place.place, Caller(place, transport, shown), shown))


def local(data_dir: str | Path, username: str = ADMIN) -> Server:
    """Reach the server that runs on a data folder of this machine and log in there; no password is needed.

    Possible for the account that owns the folder, through its owner-only socket.

    Raises
    ------
    PortClosed: no server runs on the folder. NotFound: there is no such folder. NotAllowed: it is somebody else's.
    """
    server = reach_local(data_dir)
    try:
        server.log_in(username)
    except BaseException:
        server.close()
        raise
    return server


def reach_local(data_dir: str | Path) -> Server:
    """Reach the server that runs on a data folder without logging in."""
    transport = local_socket.transport(Path(data_dir))
    folder = str(data_dir)
    return _met(Server(folder, Caller(Endpoint("localhost", 80, encrypted=False, folder=folder), transport)))


def _find(name_or_url: str) -> Connection:
    """The connection of that name, or one without a name for a URL."""
    if looks_like_url(name_or_url):
        place = from_url(name_or_url)
        return Connection("", place.address, place.port, place.encrypted)
    return Connections.load()[name_or_url]


def _trusted(
    connection: Connection, place: Endpoint, fingerprint: str | None, ca_file: str | Path | None, pin: Pin | None
) -> tuple[ssl.SSLContext, str]:
    """A context that trusts the server, and the fingerprint it showed. Sends no more than handshakes."""
    expected = tls.checked_fingerprint(fingerprint) if fingerprint else connection.fingerprint
    if not expected and (given := os.environ.get("TRACKKIT_FINGERPRINT")):
        expected = tls.checked_fingerprint(given)
    if ca_file is None and not expected:
        ca_file = os.environ.get("TRACKKIT_CA_FILE") or None
    if ca_file is not None:
        context = tls.signed_by(ca_file)
        return context, diagnose.fingerprint_of_pem(diagnose.certificate_of(place, context))
    pem = diagnose.certificate_of(place)
    shown = diagnose.fingerprint_of_pem(pem)
    if expected and shown != expected:
        raise diagnose.changed(place, expected, shown)
    if not expected and not (pin and pin(shown)):
        raise CertificateUnknown(
            f"The certificate of {place.place} is not known yet; nothing was sent.\n  fingerprint: {shown}",
            "Compare it with the fingerprint the server prints at its start. If they are the same, give it as "
            "fingerprint=… or TRACKKIT_FINGERPRINT; `trackkit connection pin NAME FINGERPRINT` remembers it.",
            details={"fingerprint": shown},
        )
    context = tls.only_this_certificate(pem)
    if connection.name and not connection.certificate_pem:
        Connections.load().keep_certificate(connection.name, pem)
    return context, shown


def _met(server: Server) -> Server:
    """The server itself once it has said that it is one and fits this client; closed again when not."""
    try:
        info = server.info()
        if info.api_version != API_VERSION:
            older = info.api_version < API_VERSION
            raise VersionMismatch(
                f"{server.name} runs trackkit {info.version}, which is too {'old' if older else 'new'} for this client "
                f"(it speaks version {info.api_version} of the API, this client {API_VERSION}).",
                "Upgrade the server." if older else "Upgrade trackkit on this side.",
            )
    except BaseException:
        server.close()
        raise
    return server


def _log_in(
    server: Server, connection: Connection, username: str | None, password: Secret | None, token: Secret | None
) -> None:
    environment = os.environ
    if token is None and username is None and password is None:
        token = environment.get("TRACKKIT_TOKEN") or None
    if token is not None:
        if username is not None or password is not None:
            raise InvalidInput.of("token", "is given together with a user name or password", "Give one of the two.")
        server.use_token(token)
        return
    username = username or environment.get("TRACKKIT_USERNAME")
    password = password if password is not None else environment.get("TRACKKIT_PASSWORD")
    if password is None and connection.remembered and username in (None, "", connection.remembered):
        username, password = connection.remembered, _remembered(connection)
    if not username or password is None:
        raise NotLoggedIn(
            f"No log-in for {server.name} was given.",
            "Give username and password, or token; or set TRACKKIT_TOKEN, or TRACKKIT_USERNAME and TRACKKIT_PASSWORD.",
        )
    server.log_in(username, password)


def _remembered(connection: Connection) -> Secret | None:
    """The password in the keyring; asked for only after the server's certificate is known to be the right one."""
    from trackkit.client import remembered

    return remembered.recall(remembered.of(connection.name), connection.remembered)
