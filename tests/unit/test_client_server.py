"""The client against the real server: log-in, errors, long messages, frames, TLS in both directions."""

from __future__ import annotations

import pytest

import trackkit
from tests.conftest import Start
from tests.running import RunningServer
from trackkit.domain import errors
from trackkit.domain.log import SEVERITY_NAMES

PASSWORD = "a-long-password"


@pytest.fixture(scope="module")
def real(start_for_module: Start) -> RunningServer:
    server = start_for_module()
    server.admin.users.add("ada", "admin", PASSWORD)
    return server


def test_log_in_and_who_one_is(real: RunningServer) -> None:
    with real.connect("Ada", PASSWORD) as server:
        assert server.session().username == server.username == "ada"
        assert server.role == "admin"
        assert server.fingerprint == "sha256:" + real.fingerprint
        assert server.info().version == trackkit.__version__
    assert "not logged in" in repr(server)


def test_wrong_log_in(real: RunningServer) -> None:
    for username, password in (("ada", "wrong-password"), ("nobody", PASSWORD), ("admin", "")):
        with pytest.raises(errors.WrongLogin):
            real.connect(username, password)


@pytest.mark.spec("6: A changed password or role, or deletion, ends that user's sessions")
def test_session_that_was_ended(real: RunningServer) -> None:
    real.admin.users.add("bob", "viewer", PASSWORD)
    with real.connect("bob", PASSWORD) as server:
        real.admin.users.edit("bob", role="operator")
        with pytest.raises(errors.NotLoggedIn):
            server.mail.list()
    real.admin.users.delete("bob")


def test_api_token(real: RunningServer) -> None:
    with real.connect("ada", PASSWORD) as server:
        secret = server.tokens.add("ci", "viewer", days=1).secret
    with trackkit.connect(real.url, token=secret, fingerprint=real.fingerprint) as script:
        assert script.role == "viewer"
        assert secret not in repr(script) + repr(vars(script))
        with pytest.raises(errors.NotAllowed):
            script.audit.list()
        real.admin.tokens.delete("ada", "ci")
        with pytest.raises(errors.NotLoggedIn):
            script.mail.list()


@pytest.mark.parametrize("name", ["..", ".", "%2F", "ä b", "a?b#c"])
def test_odd_names_reach_the_right_user(real: RunningServer, name: str) -> None:
    real.admin.users.add(name, "viewer", PASSWORD)
    assert real.admin.users.edit(name, role="operator").username == name
    real.admin.users.delete(name)
    assert name not in [user.username for user in real.admin.users.list().users]


@pytest.mark.spec("5: Messages over the maximum size (an option, 35 MB) are refused before they are stored")
def test_long_messages(real: RunningServer) -> None:
    raw = b"Subject: long\r\n\r\n" + bytes(range(256)) * (34 * 4096)
    with real.connect("ada", PASSWORD) as server:
        submitted = server.mail.submit(raw, sender="", recipients=["b@example.org"])
        assert server.mail.raw(submitted.queue_id) == raw
        for size in (36, 90):
            with pytest.raises(errors.MessageTooLarge):
                server.mail.submit(bytes(size * 1024 * 1024), sender="", recipients=["b@example.org"])
        server.mail.delete(submitted.queue_id)


def test_frames(real: RunningServer) -> None:
    sent = [
        real.admin.mail.submit(f"Subject: n{n}\r\n\r\n".encode(), sender="a@example.org", recipients=["b@example.org"])
        for n in range(3)
    ]
    frame = real.admin.mail.frame()
    ours = frame[frame.queue_id.isin([one.queue_id for one in sent])]
    assert list(ours.subject) == ["n2", "n1", "n0"]
    assert set(ours.cause) == {"not_configured"}
    assert [m.queue_id for m in real.admin.mail.each(limit=2)] == list(frame.queue_id[:2])
    log = real.admin.log.frame(level="warning", match="more")
    assert set(log.level) <= set(SEVERITY_NAMES[:3])
    assert len(log) > 0
    audit = real.admin.audit.frame()
    assert "mail.submit" in set(audit.operation)
    real.admin.mail.delete(ours.queue_id)
    assert set(real.admin.mail.frame("deleted").queue_id) >= set(ours.queue_id)


@pytest.mark.spec("1: TLS mismatch")
def test_tls_mismatch_in_both_directions(real: RunningServer, start: Start) -> None:
    with pytest.raises(errors.TlsMismatch):
        trackkit.connect(real.url.replace("https:", "http:"), username="ada", password=PASSWORD)
    open_one = start(options={"server.encrypt": False})
    open_one.stop()
    open_one.restart()
    assert open_one.url.startswith("http://")
    with pytest.raises(errors.TlsMismatch):
        trackkit.connect(open_one.url.replace("http:", "https:"), username="ada", password=PASSWORD)


def test_server_that_was_stopped(start: Start) -> None:
    server = start()
    server.admin.users.add("ada", "admin", PASSWORD)
    ada, here = server.connect("ada", PASSWORD), trackkit.local(server.data)
    server.stop()
    for client in (ada, here):
        with pytest.raises(errors.ConnectionFailed) as caught:
            client.mail.list()
        assert type(caught.value) is errors.PortClosed
    with pytest.raises(errors.PortClosed):
        trackkit.local(server.data)
