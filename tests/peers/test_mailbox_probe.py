"""The test of a mailbox at a real Dovecot, by every encryption: an untrusted certificate, the same one trusted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from hashlib import sha256

import pytest
from pydantic import SecretStr

from tests.certificates import Made, certificate
from tests.peers import dovecot as dovecot_peer
from tests.peers.dovecot import Dovecot
from trackkit.domain.probe_steps import Ending, Step, StepKind, StepState
from trackkit.domain.replies import Failure
from trackkit.domain.smtp_options import Encryption
from trackkit.domain.tracking_options import Mailbox
from trackkit.domain.trust import Trusted
from trackkit.mail.mailbox_probe import MailboxProbe

SECRET = "kAnArY pass word"


@pytest.fixture(scope="module")
def made() -> Made:
    return certificate()


@pytest.fixture(scope="module")
def dovecot(made: Made) -> Iterator[Dovecot]:
    if reason := dovecot_peer.missing():
        pytest.skip(reason)
    running = dovecot_peer.start({"track": SECRET}, made.key_pem + made.pem, token_info="http://127.0.0.1:9")
    running.put("track", b"Subject: x\r\n\r\nx\r\n")
    yield running
    running.stop()


class Told:
    """Keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def begun(self, kind: StepKind, whom: str) -> None:
        """As `Tell.begun`."""

    def ended(self, step: Step) -> None:
        """As `Tell.ended`."""
        self.steps.append(step)


@pytest.mark.parametrize("encryption", ["none", "starttls", "starttls-if-offered", "tls"])
def test_by_every_encryption(dovecot: Dovecot, made: Made, encryption: Encryption) -> None:
    port = dovecot.pop3s if encryption == "tls" else dovecot.pop3
    box = Mailbox("127.0.0.1", port, encryption, "track", SecretStr(SECRET), "track@here.test", False, False, 5, 5)

    def probe(*trusted: Trusted) -> tuple[Ending, dict[StepKind, Step]]:
        told = Told()
        ending = asyncio.run(MailboxProbe(ssl.create_default_context)(box, trusted, told))
        assert SECRET not in ending.conversation
        assert SECRET not in repr(told.steps)
        return ending, {step.kind: step for step in told.steps}

    ending, steps = probe()
    if encryption != "none":
        assert ending.outcome is not None
        assert ending.outcome.failure is Failure.pop_untrusted
        assert ending.outcome.certificate is not None
        assert steps[StepKind.certificate].state is StepState.failed
        ending, steps = probe(Trusted("127.0.0.1", port, made.der, sha256(made.der).digest(), False))
        assert "issued by" in steps[StepKind.certificate].said
    assert ending.outcome is None
    assert "Dovecot" in steps[StepKind.greeting].said
    assert steps[StepKind.mailbox].said == "1 message in the mailbox; commands may go together (PIPELINING)"
