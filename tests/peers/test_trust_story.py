"""The story of a relay that nobody vouches for, told on the command line against a real Postfix with TLS.

Its self-signed certificate is refused and nothing is sent; it is listed with its fingerprint; one command trusts it,
and the mail flows by itself; trust is taken back, and the next mail is refused again; the file is uploaded, and it
flows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import HOST, certificate
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.peers import postfix as postfix_peer
from tests.peers.postfix import Postfix
from tests.ports import wait_until
from trackkit.client import Server
from trackkit.contract.mail import QueuedMessage

TLS = """
smtpd_tls_chain_files = {root}/etc/tls.pem
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
"""
TLS_MANAGER = "tlsmgr unix - - n 1000? 1 tlsmgr\n"
MADE = certificate(HOST, subject="relay.test")


@pytest.fixture(scope="module")
def relay() -> Iterator[Postfix]:
    if reason := postfix_peer.missing():
        pytest.skip(reason)
    running = postfix_peer.start(TLS, TLS_MANAGER, MADE.key_pem + MADE.pem)
    try:
        yield running
    finally:
        running.stop()


def mail(server: Server, relay: Postfix, name: str) -> None:
    raw = f"Subject: {name}\r\nMessage-ID: <{name}@trackkit.test>\r\n\r\nHello.\r\n".encode()
    server.mail.submit(raw, sender=relay.address("sender"), recipients=[relay.address(name)])


def refused(server: Server, relay: Postfix, times: int) -> QueuedMessage:
    """The one mail that waits, and why; Postfix was left in the handshake so often, and heard of no mail."""
    wait_until(lambda: [m.state for m in server.mail.list().messages] == ["deferred"], what="the refusal")
    (message,) = server.mail.list().messages
    wait_until(lambda: relay.log().count("lost connection after STARTTLS") == times, what="Postfix to tell of it")
    assert relay.log().count(": client=") == len(server.mail.history().sent)
    return message


@pytest.mark.peers
@pytest.mark.spec(
    "7: trust: a certificate that does not verify in a delivery is listed with all it says, host and reason"
)
@pytest.mark.spec("7: trust: one click trusts it for that host and port and moves it to the trusted ones")
@pytest.mark.spec("7: trust: the trusted ones are listed, removed, and uploaded as PEM or DER, certificate or CA")
def test_the_story(start: Start, relay: Postfix, tmp_path: Path) -> None:
    smtp = {"host": HOST, "port": relay.port, "encryption": "starttls"}
    running = start(options={f"sending.smtp.{name}": value for name, value in smtp.items()})
    server, trackkit = running.admin, CommandLine(tmp_path, {"TRACKKIT_DATA": str(running.data)})
    place = f"{HOST}:{relay.port}"
    mail(server, relay, "ann")
    why = refused(server, relay, 1).diagnosis
    assert (why.cause, why.operation) == ("tls_untrusted", "trust.add")
    assert "it is self-signed" in why.words
    assert "trust list" in why.next_step
    assert relay.delivered() == {}

    listed = untrusted(trackkit)
    assert listed["fingerprint"] == MADE.fingerprint
    assert (listed["host"], listed["port"], listed["reason"]) == (HOST, relay.port, "self_signed")
    assert (listed["subject"], listed["names"]) == ("CN=relay.test", [HOST])
    shown = trackkit("trust", "list")
    assert MADE.fingerprint in shown
    assert "it is self-signed" in shown

    number = str(listed["certificate_id"])
    asked = trackkit.run("trust", "add", number)
    assert asked.returncode == 2
    assert f"Trust this certificate for {place}?" in asked.stderr
    assert MADE.fingerprint in asked.stderr
    assert server.trust.trusted() == ()
    assert "1 message that waited for it is made due now" in trackkit("trust", "add", number, "--yes")
    wait_until(lambda: list(relay.delivered()) == ["ann"], what="the mail to flow by itself")
    assert b"using TLS" in relay.delivered()["ann"][0]

    asked = trackkit.run("trust", "remove", number)
    assert asked.returncode == 2
    assert f"({place}) no more?" in asked.stderr
    assert len(server.trust.trusted()) == 1
    assert f"({place}) is not trusted any more" in trackkit("trust", "remove", number, "--yes")
    mail(server, relay, "bea")
    refused(server, relay, 2)
    assert untrusted(trackkit)["fingerprint"] == MADE.fingerprint

    again(trackkit, relay, tmp_path)
    done = [record.operation for record in server.audit.list().records if record.operation.startswith("trust.")]
    assert done == ["trust.upload", "trust.remove", "trust.add"]
    told = " ".join(entry.message for entry in server.log.list(text="trusted").entries)
    assert "is trusted from now on" in told
    assert "is not trusted any more" in told


def untrusted(trackkit: CommandLine) -> dict[str, Any]:
    (found,) = json.loads(trackkit("trust", "list", "--json"))["untrusted"]
    return dict(found)


def again(trackkit: CommandLine, relay: Postfix, folder: Path) -> None:
    """A file with its key is refused on this side; the certificate alone is trusted for the place it is given."""
    whole, alone = folder / "whole.pem", folder / "alone.der"
    whole.write_bytes(MADE.key_pem + MADE.pem)
    alone.write_bytes(MADE.der)
    place = ("--host", HOST, "--port", str(relay.port))
    assert "private key" in trackkit.run("trust", "upload", str(whole), *place, "--yes").stderr
    assert "host: is missing" in trackkit.run("trust", "upload", str(alone), "--yes").stderr
    assert "1 message that waited" in trackkit("trust", "upload", str(alone), *place, "--yes")
    wait_until(lambda: sorted(relay.delivered()) == ["ann", "bea"], what="the second mail to flow")
