"""Certificates that do not prove who the relay is, through the engine against a TLS peer: each is refused with its own
reason before anything is sent, kept as it was shown, and believed once it is trusted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.certificate_faults import FAULTS, NOW, ROOT
from tests.certificates import DAY, HOST, Made, authority, certificate, signed_by_sha1, trusting, weak_key
from tests.fakes.delivery_queue import MemoryQueue
from tests.fakes.smtp_server import ScriptedSmtp, babble
from tests.unit.engine_running import ONE, RAW, all_in, options_for, run, running, until
from trackkit.domain.delivery import Event, State
from trackkit.domain.replies import Failure, Outcome, Stage
from trackkit.domain.trust import WORDS, AskedBy, Reason, Trusted
from trackkit.mail.engine import Engine
from trackkit.services.attempts import Attempted

PASSWORD = "kAnArY-pa55 wörd/9"


@asynccontextmanager
async def engine_for(queue: MemoryQueue, *known: Made) -> AsyncIterator[Engine]:
    """An engine on a machine that knows these authorities besides the system's."""
    async with running(queue, tls_context=lambda: trusting(*known)) as engine:
        yield engine


def relay(server: ScriptedSmtp, encryption: str = "starttls", **more: object) -> MemoryQueue:
    """A queue whose relay is that server, with a log-in."""
    login = {"authentication": "basic", "username": "mailer", "password": PASSWORD}
    values = {f"sending__smtp__{name}": value for name, value in {**login, "encryption": encryption, **more}.items()}
    return MemoryQueue(options_for(server.port, **values))


def trust(made: Made, port: int, *, is_authority: bool = False, host: str = HOST) -> Trusted:
    return Trusted(host, port, made.der, sha256(made.der).digest(), is_authority)


def last(queue: MemoryQueue) -> Outcome:
    (outcome,) = queue.attempts[-1].outcomes.values()
    return outcome


@pytest.mark.spec("7: trust: each fault of a certificate is refused with its own reason before anything is sent")
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_refused_with_its_own_reason_before_anything_is_sent(name: str) -> None:
    fault = FAULTS[name]
    made = fault.made()

    async def work() -> None:
        with ScriptedSmtp(tls=made.server(weak=fault.weak), extensions=("STARTTLS", "AUTH PLAIN")) as server:
            queue = relay(server)
            queue.submit(RAW, ONE)
            async with engine_for(queue, ROOT):
                await until(all_in(queue, State.deferred))
            assert [line.split(" ")[0] for _, line in server.lines] == ["EHLO", "STARTTLS"]
        outcome, seen = last(queue), last(queue).certificate
        assert (outcome.stage, outcome.failure) == (Stage.certificate, Failure.tls_untrusted)
        assert outcome.text.startswith(WORDS[fault.reason])
        assert fault.details in outcome.text
        assert seen is not None
        assert (seen.host, seen.port, seen.chain[0]) == (HOST, server.port, made.der)
        assert (seen.reason, seen.asked_by) == (fault.reason, AskedBy.server)
        assert fault.details in seen.details
        assert PASSWORD not in queue.attempts[-1].conversation

    run(work())


@pytest.mark.parametrize("encryption", ["starttls", "starttls-if-offered", "tls"])
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_both_event_loops_and_all_encryptions_tell_what_was_refused(
    encryption: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    made, known = signed_by_sha1()

    async def work() -> None:
        with ScriptedSmtp(tls=made.server(weak=True), implicit=encryption == "tls", extensions=("STARTTLS",)) as server:
            queue = MemoryQueue(options_for(server.port, sending__smtp__encryption=encryption))
            queue.submit(RAW, ONE)
            async with engine_for(queue, known):
                await until(all_in(queue, State.deferred))
            assert not server.said("MAIL")
        seen = last(queue).certificate
        assert seen is not None
        assert (seen.reason, seen.chain[0]) == (Reason.weak_signature, made.der)
        assert "too weak" in last(queue).text

    run(work(), loop)


@pytest.mark.spec("7: trust: one click trusts it for that host and port and moves it to the trusted ones")
@pytest.mark.parametrize("name", FAULTS)
def test_each_is_believed_once_this_very_certificate_is_trusted_for_the_port(name: str) -> None:
    fault = FAULTS[name]
    made = fault.made()

    async def work() -> None:
        script = {"tls": made.server(weak=fault.weak), "extensions": ("STARTTLS", "AUTH PLAIN")}
        with ScriptedSmtp(accounts={"mailer": PASSWORD}, **script) as server:  # type: ignore[arg-type]
            queue = relay(server)
            queue.trust = (trust(made, server.port + 1), trust(made, server.port, host="mail.example"))
            queue.submit(RAW, ONE)
            async with engine_for(queue, ROOT) as engine:
                await until(all_in(queue, State.deferred))
                queue.trust = (trust(made, server.port),)
                queue.apply(Event.reattempt)
                engine.wake()
                await until(all_in(queue, State.sent))
            assert "certificate trusted on this server for 127.0.0.1" in queue.attempts[-1].conversation

    run(work())


@pytest.mark.parametrize(("encryption", "loop"), [("starttls", asyncio.new_event_loop), ("tls", uvloop.new_event_loop)])
def test_trust_taken_back_closes_the_connections_that_were_made_with_it(
    encryption: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    made = certificate()

    async def work() -> None:
        with ScriptedSmtp(tls=made.server(), implicit=encryption == "tls", extensions=("STARTTLS",)) as server:
            queue = MemoryQueue(options_for(server.port, sending__smtp__encryption=encryption))
            queue.trust = (trust(made, server.port),)
            queue.submit(RAW, ONE)
            async with engine_for(queue) as engine:
                await until(all_in(queue, State.sent))
                queue.trust = ()
                engine.wake()
                queue.submit(RAW, ONE)
                engine.wake()
                await until(all_in(queue, State.sent, State.deferred))
                await until(lambda: server.open == 0)
            assert queue.states() == [State.sent, State.deferred]
            assert len(server.messages) == 1

    run(work(), loop)


@pytest.mark.spec("7: trust: the trusted ones are listed, removed, and uploaded as PEM or DER, certificate or CA")
def test_an_authority_is_believed_as_one_names_and_dates_verified() -> None:
    """An intermediate one does as well, without its root."""
    for known in (authority("Ours"), authority("Ours", ROOT)):
        good, expired = certificate(issuer=known), certificate(issuer=known, valid=(NOW - 9 * DAY, NOW - DAY))

        async def sent(made: Made, known: Made = known, port: int | None = None) -> tuple[State, Outcome]:
            with ScriptedSmtp(tls=made.server(), extensions=("STARTTLS",)) as server:
                queue = MemoryQueue(options_for(server.port, sending__smtp__encryption="starttls"))
                host, port = ("", 0) if port is None else (HOST, port)
                queue.trust = (trust(known, port, is_authority=True, host=host),)
                queue.submit(RAW, ONE)
                async with engine_for(queue):
                    await until(all_in(queue, State.sent, State.deferred))
                return queue.states()[0], last(queue)

        async def work(sent: Callable[..., object] = sent, good: Made = good, expired: Made = expired) -> None:
            state, _ = await sent(good)  # type: ignore[misc]
            assert state is State.sent
            state, outcome = await sent(expired)  # type: ignore[misc]
            assert (state, outcome.certificate.reason) == (State.deferred, Reason.expired)
            state, outcome = await sent(good, port=1)  # type: ignore[misc]
            assert (state, outcome.certificate.reason) == (State.deferred, Reason.unknown_issuer)

        run(work())


def test_a_host_that_shows_another_certificate_than_the_trusted_one_is_verified_as_ever() -> None:
    old, proper, forged = certificate(), certificate(issuer=ROOT), certificate()

    async def work() -> None:
        for made, state in ((proper, State.sent), (forged, State.deferred)):
            with ScriptedSmtp(
                tls=made.server(), extensions=("STARTTLS", "AUTH PLAIN"), accounts={"mailer": PASSWORD}
            ) as server:
                queue = relay(server)
                queue.trust = (trust(old, server.port),)
                queue.submit(RAW, ONE)
                async with engine_for(queue, ROOT):
                    await until(all_in(queue, state))
                said = queue.attempts[-1].conversation
                assert "(another certificate than the trusted one)" in said
                assert server.connections == 2
                first = [line.split(" ")[0] for number, line in server.lines if number == 1]
                assert first == ["EHLO", "STARTTLS"], "neither password nor mail went before the verdict"
        seen = last(queue).certificate
        assert seen is not None
        assert (seen.reason, seen.chain[0]) == (Reason.self_signed, forged.der)

    run(work())


def test_a_thousand_mails_make_one_look() -> None:
    made = certificate()

    async def work() -> None:
        with ScriptedSmtp(tls=made.server(), extensions=("STARTTLS",)) as server:
            queue = MemoryQueue(options_for(server.port, sending__smtp__encryption="starttls"))
            for _ in range(1000):
                queue.submit(RAW, ONE)
            async with engine_for(queue):
                await until(all_in(queue, State.deferred), seconds=60)
            looks = {id(seen) for seen in map(_seen, queue.attempts)}
            assert server.connections == len(looks)
            assert len(looks) < 20

    run(work())


def _seen(attempt: Attempted) -> object:
    (outcome,) = attempt.outcomes.values()
    return outcome.certificate


@pytest.mark.spec("7: trust: STARTTLS taken out or injected into: nothing and no password is sent openly")
@pytest.mark.parametrize("encryption", ["starttls", "starttls-if-offered"])
def test_what_somebody_puts_before_the_handshake_is_not_heard(encryption: str) -> None:
    """As in CVE-2011-0411: replies that came openly behind the 220 would else count as the host's encrypted ones."""
    made = certificate(issuer=ROOT)
    forged = b"220 2.0.0 ready\r\n250-evil.test\r\n250 AUTH PLAIN\r\n235 2.7.0 Welcome\r\n250 2.1.0 Ok\r\n"

    async def work() -> None:
        offered = ("STARTTLS", "AUTH LOGIN")
        with ScriptedSmtp(
            {"starttls": babble(forged)}, tls=made.server(), extensions=offered, accounts={"mailer": PASSWORD}
        ) as server:
            queue = relay(server, encryption)
            queue.submit(RAW, ONE)
            async with engine_for(queue, ROOT):
                await until(all_in(queue, State.sent))
            said = queue.attempts[-1].conversation
            assert "evil" not in said
            assert server.said("AUTH LOGIN"), "the method that the host offers when it is encrypted"
            assert len(server.messages) == 1

    run(work())


@pytest.mark.spec("7: trust: STARTTLS taken out or injected into: nothing and no password is sent openly")
@pytest.mark.parametrize("starttls", ["not offered", "refused"])
def test_where_somebody_took_starttls_out_nothing_and_no_password_is_sent(starttls: str) -> None:
    offered = ("AUTH PLAIN",) if starttls == "not offered" else ("STARTTLS", "AUTH PLAIN")
    script = {"starttls": babble(b"454 4.7.0 TLS not available\r\n")}

    async def work() -> None:
        with ScriptedSmtp(script, extensions=offered, accounts={"mailer": PASSWORD}) as server:
            queue = relay(server)
            queue.trust = (trust(certificate(), server.port),)
            queue.submit(RAW, ONE)
            async with engine_for(queue):
                await until(all_in(queue, State.deferred))
            verbs = [line.split(" ")[0] for _, line in server.lines]
            assert verbs == ["EHLO"] + ["STARTTLS"] * (starttls == "refused")
            assert last(queue).certificate is None

    run(work())


def test_a_weak_key_is_weak_for_openssl() -> None:
    """What the test of it relies on."""
    assert isinstance(weak_key(), rsa.RSAPrivateKey)
    assert ssl.create_default_context().security_level >= 2
