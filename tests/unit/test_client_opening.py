"""Certificates, log-in and versions: what `connect` accepts, refuses, and never sends."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackkit
from tests.unit import client_peers as peers
from trackkit.client import Connections, reach
from trackkit.contract import server as contract
from trackkit.domain import errors
from trackkit.domain.errors import InvalidInput, NotLoggedIn, WrongLogin

LOGIN = {"username": "ada", "password": "pw-of-ada"}


@pytest.fixture(scope="module")
def authority() -> peers.Authority:
    return peers.Authority()


@pytest.fixture
def api(authority: peers.Authority) -> Iterator[peers.ApiServer]:
    with peers.serving(authority.certificate()) as api:
        yield api


@pytest.mark.spec("1: First use shows the certificate's fingerprint and asks")
def test_first_use_asks_and_remembers(api: peers.ApiServer) -> None:
    Connections.load().add("office", "127.0.0.1", api.port)
    with pytest.raises(errors.CertificateUnknown) as caught:
        trackkit.connect("office", **LOGIN)
    assert caught.value.details == {"fingerprint": api.fingerprint}
    asked: list[str] = []
    with pytest.raises(errors.CertificateUnknown):
        trackkit.connect("office", **LOGIN, pin=lambda fingerprint: bool(asked.append(fingerprint)))
    assert asked == [api.fingerprint]
    assert api.seen == []
    with trackkit.connect("office", **LOGIN, pin=lambda fingerprint: fingerprint == api.fingerprint) as server:
        assert server.name == "office"
        assert server.fingerprint == api.fingerprint
    assert Connections.load()["office"].fingerprint == api.fingerprint
    with trackkit.connect("office", **LOGIN) as server:
        assert server.username == "ada"


@pytest.mark.spec("1: a changed certificate is refused with both fingerprints shown")
def test_changed_certificate_is_refused_and_nothing_is_sent(authority: peers.Authority) -> None:
    connections = Connections.load()
    with peers.serving(authority.certificate()) as api:
        before = api.fingerprint
        connections.add("office", "127.0.0.1", api.port)
        trackkit.connect("office", **LOGIN, fingerprint=before).close()
        assert Connections.load()["office"].fingerprint == before
    with peers.serving(authority.certificate(), port=api.port) as api:
        with pytest.raises(errors.CertificateChanged) as caught:
            trackkit.connect("office", **LOGIN, pin=lambda _: True)
        assert caught.value.details == {"pinned": before, "shown": api.fingerprint}
        assert before in str(caught.value)
        assert api.fingerprint in str(caught.value)
        assert api.seen == []
        Connections.load().pin("office", api.fingerprint)
        trackkit.connect("office", **LOGIN).close()


def test_certificate_changed_under_an_open_connection(authority: peers.Authority) -> None:
    with peers.serving(authority.certificate()) as first:
        server = trackkit.connect(first.url, **LOGIN, fingerprint=first.fingerprint)
    server._caller._http._transport.close()  # the idle connection is dropped
    with peers.serving(authority.certificate(), port=first.port) as second:
        with pytest.raises(errors.CertificateChanged) as caught:
            server.mail.list()
        assert caught.value.details == {"pinned": first.fingerprint, "shown": second.fingerprint}
        assert second.seen == []


def test_no_byte_of_a_request_before_the_certificate_is_accepted(authority: peers.Authority) -> None:
    heard: list[bytes] = []
    context = peers.context_for(authority.certificate())

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            heard.append(tls.recv(1000))

    with peers.listening(talk) as port:
        url = f"https://127.0.0.1:{port}"
        with pytest.raises(errors.CertificateUnknown):
            trackkit.connect(url, **LOGIN)
        with pytest.raises(errors.CertificateChanged):
            trackkit.connect(url, **LOGIN, fingerprint="0" * 64)
    assert b"".join(heard) == b""


@pytest.mark.spec("1: Unattended use passes the fingerprint or a CA file")
def test_ca_file(authority: peers.Authority, api: peers.ApiServer, tmp_path: Path) -> None:
    ca_file = authority.write(tmp_path / "ca.pem")
    with trackkit.connect(api.url, **LOGIN, ca_file=ca_file) as server:
        assert server.fingerprint == api.fingerprint
    before = len(api.seen)
    with pytest.raises(errors.CertificateUntrusted):
        trackkit.connect(api.url, **LOGIN, ca_file=peers.Authority().write(tmp_path / "other.pem"))
    with pytest.raises(InvalidInput) as caught:
        trackkit.connect(api.url, **LOGIN, ca_file=tmp_path / "none.pem")
    assert caught.value.problems[0].field == "ca_file"
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(InvalidInput):
        trackkit.connect(api.url, **LOGIN, ca_file=tmp_path / "empty.pem")
    assert len(api.seen) == before


def test_ca_file_checks_the_host_name(authority: peers.Authority, tmp_path: Path) -> None:
    ca_file = authority.write(tmp_path / "ca.pem")
    with peers.serving(authority.certificate("other.example.org")) as api:
        with pytest.raises(errors.CertificateUntrusted) as caught:
            trackkit.connect(api.url, **LOGIN, ca_file=ca_file)
        assert "127.0.0.1" in str(caught.value)
        with trackkit.connect(api.url, **LOGIN, fingerprint=api.fingerprint) as server:
            assert server.username == "ada"


def test_expired_certificate_says_so(authority: peers.Authority) -> None:
    past = datetime.datetime(2020, 1, 1)
    with peers.serving(authority.certificate(not_before=past, not_after=past + datetime.timedelta(1))) as api:
        with pytest.raises(errors.CertificateUntrusted) as caught:
            trackkit.connect(api.url, **LOGIN, fingerprint=api.fingerprint)
        assert "expired" in str(caught.value)
        assert api.seen == []


def test_log_in_from_the_environment(api: peers.ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKKIT_FINGERPRINT", api.fingerprint)
    with pytest.raises(NotLoggedIn):
        trackkit.connect(api.url)
    monkeypatch.setenv("TRACKKIT_USERNAME", "eve")
    with pytest.raises(NotLoggedIn):
        trackkit.connect(api.url)
    monkeypatch.setenv("TRACKKIT_PASSWORD", "pw-of-eve")
    trackkit.connect(api.url).close()
    assert api.last("session.open").fields == {"username": "eve", "password": "pw-of-eve"}
    monkeypatch.setenv("TRACKKIT_TOKEN", "tk_env")
    trackkit.connect(api.url).close()
    assert api.last("session.current").headers["Authorization"] == "Bearer tk_env"
    trackkit.connect(api.url, **LOGIN).close()
    assert api.last("session.open").fields["username"] == "ada"
    with pytest.raises(InvalidInput):
        trackkit.connect(api.url, **LOGIN, token="tk_1")


def test_environment_fingerprint_does_not_win_over_a_pinned_one(
    api: peers.ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = Connections.load()
    connections.add("office", "127.0.0.1", api.port)
    connections.pin("office", api.fingerprint)
    monkeypatch.setenv("TRACKKIT_FINGERPRINT", "0" * 64)
    trackkit.connect("office", **LOGIN).close()


@pytest.mark.spec("1: wrong log-in")
def test_wrong_log_in(api: peers.ApiServer) -> None:
    api.answers["session.open"] = WrongLogin("User name or password is wrong.")
    with pytest.raises(WrongLogin):
        trackkit.connect(api.url, **LOGIN, fingerprint=api.fingerprint)


@pytest.mark.spec("1: server too old or new")
@pytest.mark.parametrize(("version", "word"), [(0, "too old"), (99, "too new")])
def test_version_mismatch(api: peers.ApiServer, version: int, word: str) -> None:
    api.answers["server.info"] = contract.ServerInfo(version="9", api_version=version, server_id="i", setup_open=False)
    with pytest.raises(errors.VersionMismatch) as caught:
        trackkit.connect(api.url, **LOGIN, fingerprint=api.fingerprint)
    assert word in str(caught.value)
    assert api.calls() == ["server.info"]


def test_unencrypted_server() -> None:
    with peers.serving() as api, trackkit.connect(api.url, **LOGIN) as server:
        assert server.fingerprint == ""
        assert server.mail.list().total == 1


def test_fingerprint_for_a_connection_without_a_certificate_is_refused() -> None:
    with peers.serving() as api:
        for given in ({"fingerprint": "0" * 64}, {"ca_file": "ca.pem"}):
            with pytest.raises(InvalidInput):
                trackkit.connect(api.url, **LOGIN, **given)
        assert api.seen == []


def test_proxies_of_the_environment_are_not_used(api: peers.ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    reach(api.url, fingerprint=api.fingerprint).close()
    assert api.calls() == ["server.info"]


def test_names_that_lead_nowhere() -> None:
    with pytest.raises(errors.NotFound):
        trackkit.connect("nowhere", **LOGIN)
    Connections.load().add("head office", "localhost")
    with pytest.raises(errors.NotFound) as caught:
        trackkit.connect("head ofice", **LOGIN)
    assert "head office" in caught.value.advice


@pytest.mark.parametrize("url", ["https://", "https://host:0", "https://host:99999", "https://h/x", "https://h:1?a=b"])
def test_bad_urls(url: str) -> None:
    with pytest.raises(InvalidInput):
        trackkit.connect(url, **LOGIN)


@pytest.mark.parametrize("url", ["https://ada:hunter2@127.0.0.1:8470", "https://ada:hunter2@host:port"])
def test_log_in_inside_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        trackkit.connect(url)
    assert "hunter2" not in str(caught.value)


def test_ipv6_url() -> None:
    from trackkit.client.endpoint import from_url

    assert from_url("https://[::1]").url == "https://[::1]:8470"
