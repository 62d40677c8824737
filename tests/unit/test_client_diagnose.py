"""Each way in which a connection fails, produced for real, becomes the error that says what to check."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable

import httpx
import pytest

import trackkit
from tests.ports import free_port
from tests.unit import client_peers as peers
from trackkit.client import Connections, diagnose, endpoint
from trackkit.domain import errors
from trackkit.domain.errors import ConnectionFailed

LOGIN = {"username": "ada", "password": "pw-of-ada"}


def failure(url: str, **more: str) -> ConnectionFailed:
    """The error of connecting there."""
    with pytest.raises(ConnectionFailed) as caught:
        trackkit.connect(url, **LOGIN, **more)
    assert caught.value.advice
    assert "pw-of-ada" not in str(caught.value)
    return caught.value


@pytest.mark.spec("1: name does not resolve (spelling, DNS)")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_name_does_not_resolve(scheme: str) -> None:
    found = failure(f"{scheme}://no-such-host.invalid:8470")
    assert type(found) is errors.NameNotResolved
    assert "no-such-host.invalid" in str(found)


@pytest.mark.spec("1: port closed (is the server running? address and port right?)")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_port_closed(scheme: str) -> None:
    port = free_port()
    found = failure(f"{scheme}://127.0.0.1:{port}")
    assert type(found) is errors.PortClosed
    assert str(port) in str(found)


@pytest.mark.spec("1: host does not answer (switched on? network?)")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_host_does_not_answer(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "CONNECT_TIMEOUT", 0.5)
    with peers.silent() as port:
        started = time.monotonic()
        found = failure(f"{scheme}://127.0.0.1:{port}")
        assert type(found) is errors.HostNotAnswering
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_listener_that_never_says_anything(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "CONNECT_TIMEOUT", 0.5)

    def talk(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with peers.listening(talk) as port:
        found = failure(f"{scheme}://127.0.0.1:{port}")
    assert type(found) is errors.HostNotAnswering
    assert "takes connections" in str(found)


def test_a_handshake_that_never_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "CONNECT_TIMEOUT", 0.5)

    def talk(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    with peers.listening(talk) as port:
        url = f"https://127.0.0.1:{port}"
        with pytest.raises(httpx.ConnectTimeout) as caught:
            httpx.get(url, timeout=0.5, trust_env=False)
        found = diagnose.broken(endpoint.from_url(url), caught.value, 30)
    assert type(found) is errors.HostNotAnswering
    assert "takes connections but gave no answer within 0.5 seconds" in str(found)


def _smtp(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.org ESMTP\x1b[31m\r\n")
    connection.recv(1000)


def _hang_up(connection: socket.socket) -> None:
    connection.recv(1000)


def _other_web_server(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>")


@pytest.mark.spec("1: something else listens there")
@pytest.mark.parametrize(
    ("talk", "scheme"),
    [(_smtp, "https"), (_smtp, "http"), (_hang_up, "https"), (_hang_up, "http")],
)
def test_something_else_listens(talk: Callable[[socket.socket], None], scheme: str) -> None:
    with peers.listening(talk) as port:
        found = failure(f"{scheme}://127.0.0.1:{port}")
    assert type(found) is errors.NotATrackkitServer
    assert "\x1b" not in str(found)


def test_another_web_server_listens() -> None:
    with peers.listening(_other_web_server) as port:
        found = failure(f"http://127.0.0.1:{port}")
    assert type(found) is errors.NotATrackkitServer


def test_another_encrypting_web_server_listens() -> None:
    certificate = peers.Authority().certificate()
    context = peers.context_for(certificate)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            _other_web_server(tls)

    with peers.listening(talk) as port:
        found = failure(f"https://127.0.0.1:{port}", fingerprint=peers.fingerprint_of(certificate))
    assert type(found) is errors.NotATrackkitServer


@pytest.mark.spec("1: TLS mismatch")
def test_https_against_a_server_that_does_not_encrypt() -> None:
    with peers.serving() as api:
        found = failure(api.url.replace("http:", "https:"))
        assert type(found) is errors.TlsMismatch
        assert "does not encrypt, but this connection does" in str(found)
        assert api.seen == []


@pytest.mark.spec("1: TLS mismatch")
def test_http_against_a_server_that_encrypts() -> None:
    with peers.serving(peers.Authority().certificate()) as api:
        found = failure(api.url.replace("https:", "http:"))
        assert type(found) is errors.TlsMismatch
        assert "encrypts, but this connection does not" in str(found)
        assert api.seen == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_no_common_version_of_tls() -> None:
    context = peers.context_for(peers.Authority().certificate())
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    with peers.listening(talk) as port:
        found = failure(f"https://127.0.0.1:{port}")
    assert type(found) is errors.TlsMismatch
    assert "no common way" in str(found)


def test_server_that_goes_away_between_requests() -> None:
    with peers.serving(peers.Authority().certificate()) as api:
        server = trackkit.connect(api.url, **LOGIN, fingerprint=api.fingerprint)
    server._caller._http._transport.close()
    with pytest.raises(errors.PortClosed):
        server.mail.list()


def test_failures_of_a_named_connection_name_the_place() -> None:
    port = free_port()
    Connections.load().add("office", "127.0.0.1", port)
    assert str(port) in str(failure("office"))


def test_certificate_is_fetched_as_it_is() -> None:
    certificate = peers.Authority().certificate()
    with peers.serving(certificate) as api:
        pem = diagnose.certificate_of(endpoint.from_url(api.url))
    assert diagnose.fingerprint_of_pem(pem) == peers.fingerprint_of(certificate)
