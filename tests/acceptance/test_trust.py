"""The trust manager through a running server and relays that speak TLS, each with another fault."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.certificate_faults import FAULTS, ROOT
from tests.certificates import DAY, HOST, certificate
from tests.conftest import Start
from tests.fakes.smtp_server import ScriptedSmtp, babble
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.client import Server
from trackkit.contract.mail import MessageDetail
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.trust import WORDS, Reason

RAW = b"Subject: x\r\n\r\nhello\r\n"
PASSWORD = "kAnArY-pa55 wörd/9"
LOGIN = {"authentication": "basic", "username": "mailer", "password": PASSWORD}


def use(server: Server, relay: ScriptedSmtp, **more: object) -> None:
    """Let mail go over it."""
    values = {"host": HOST, "port": relay.port, "encryption": "starttls", **more}
    server.options.set({f"sending.smtp.{name}": value for name, value in values.items()})


def submit(server: Server) -> str:
    return server.mail.submit(RAW, sender="a@here.test", recipients=["b@there.test"]).queue_id


def refused(server: Server, queue_id: str) -> MessageDetail:
    wait_until(lambda: server.mail.show(queue_id).attempts, what="the first attempt")
    return server.mail.show(queue_id)


def flows(relay: ScriptedSmtp, number: int) -> None:
    wait_until(lambda: len(relay.messages) == number, what="the mail to flow by itself")


@pytest.mark.spec(
    "7: trust: a certificate that does not verify in a delivery is listed with all it says, host and reason"
)
@pytest.mark.spec("7: trust: one click trusts it for that host and port and moves it to the trusted ones")
@pytest.mark.spec("7: trust: the trusted ones are listed, removed, and uploaded as PEM or DER, certificate or CA")
@pytest.mark.spec("7: trust: a trusted certificate that ends is warned about ahead and on the day")
def test_from_the_first_refusal_to_the_end_of_trust(database_url: str | None, start: Start, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    ours = certificate("Ours", is_authority=True, valid=(now - DAY, now + 5 * DAY))
    made = certificate(issuer=ours)
    server = start(database_url=database_url).admin
    with ScriptedSmtp(tls=made.server(), extensions=("STARTTLS",)) as relay:
        use(server, relay)
        why = refused(server, submit(server)).recipients[0].diagnosis
        assert (why.cause, why.operation) == ("tls_untrusted", "trust.add")
        (listed,) = server.trust.untrusted()
        assert (listed.reason, listed.times, listed.issuer) == (Reason.unknown_issuer, 1, "CN=Ours")
        assert (listed.fingerprint, listed.names) == (made.fingerprint, (HOST,))

        added = server.trust.add(listed.certificate_id)
        assert (added.reattempted, added.certificate.fingerprint) == (1, made.fingerprint)
        flows(relay, 1)
        found = server.trust.list()
        assert (found.untrusted, [one.certificate_id for one in found.trusted]) == ((), [listed.certificate_id])
        assert server.trust.remove(listed.certificate_id).was_trusted
        wait_until(lambda: relay.open == 0, what="the connection to be closed that was made with it")
        queue_id = submit(server)
        assert "it was issued by somebody" in refused(server, queue_id).attempts[0].text
        assert len(server.trust.untrusted()) == 1

        file = tmp_path / "ours.der"
        file.write_bytes(ours.der)
        assert server.trust.upload(file).certificate.is_authority
        flows(relay, 2)
        with pytest.raises(Conflict):
            server.trust.upload(ours.pem)
        with pytest.raises(InvalidInput, match="host: is missing"):
            server.trust.upload(made.pem)
    ending = "The trusted authority CN=Ours (every host) expires on"
    warned = [one.message for one in server.log.list(text="expires on").entries if one.level.value == "warning"]
    assert [words.startswith(ending) for words in warned] == [True]
    assert [one.words.startswith(ending) for one in server.health().findings if "certificate of" in one.subject] == [
        True
    ]
    assert list(server.trust.frame().is_trusted) == [False, True]


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    """A server that knows one authority besides those of the machine."""
    server = start_for_module()
    server.admin.trust.upload(ROOT.pem)
    return server


@pytest.mark.spec("7: trust: each fault of a certificate is refused with its own reason before anything is sent")
def test_each_fault_has_its_own_reason_in_the_list(shared: RunningServer) -> None:
    server = shared.admin
    for name, fault in FAULTS.items():
        tls = fault.made().server(weak=fault.weak)
        with ScriptedSmtp(tls=tls, extensions=("STARTTLS", "AUTH PLAIN")) as relay:
            use(server, relay, **LOGIN)
            (attempt,) = refused(server, submit(server)).attempts
            assert attempt.text.startswith(WORDS[fault.reason]), name
            listed = server.trust.untrusted()[0]
            assert (listed.port, listed.reason, listed.words) == (relay.port, fault.reason, WORDS[fault.reason]), name
            assert [line.split(" ")[0] for _, line in relay.lines] == ["EHLO", "STARTTLS"], name
    assert len(server.trust.untrusted()) == len(FAULTS)


@pytest.mark.spec("7: trust: STARTTLS taken out or injected into: nothing and no password is sent openly")
def test_a_line_that_somebody_tampers_with(shared: RunningServer) -> None:
    server, tls = shared.admin, certificate(issuer=ROOT).server()
    login = {"accounts": {"mailer": PASSWORD}}
    with ScriptedSmtp(extensions=("AUTH PLAIN",), **login) as stripped:  # type: ignore[arg-type]
        use(server, stripped, **LOGIN)
        assert refused(server, submit(server)).attempts[0].failure == "tls_not_offered"
        assert [line.split(" ")[0] for _, line in stripped.lines] == ["EHLO"]
    injected = {"starttls": babble(b"220 go ahead\r\n250-evil.test\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n")}
    with ScriptedSmtp(injected, ("STARTTLS", "AUTH LOGIN"), tls, **login) as relay:  # type: ignore[arg-type]
        use(server, relay, **LOGIN)
        submit(server)
        flows(relay, 1)
        assert relay.said("AUTH LOGIN"), "what the host offers when it is encrypted"
        assert not relay.said("AUTH PLAIN"), "what somebody put in before"
