"""Encryption and log-in of the SMTP transport: what is verified, what is refused, and that no secret shows."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from tests.fakes.smtp_server import Action, ScriptedSmtp, babble, say, when
from tests.unit.smtp_sending import (
    CANARY,
    ONE,
    RAW,
    USER,
    Result,
    login,
    real_server,
    route_to,
    run,
    send,
    sent,
)
from trackkit.domain.message import wire_form
from trackkit.domain.replies import Failure, Stage, Verdict
from trackkit.mail.route import Login


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> Callable[[], ssl.SSLContext]:
    def context() -> ssl.SSLContext:
        made = ssl.create_default_context()
        authority.configure_trust(made)
        return made

    return context


AUTH = "AUTH PLAIN LOGIN CRAM-MD5"


def secure_server(server_tls: ssl.SSLContext, **more: Any) -> ScriptedSmtp:
    return ScriptedSmtp(**{"tls": server_tls, "extensions": ("STARTTLS", AUTH), "accounts": {USER: CANARY}, **more})


def assert_no_secret(result: Result) -> None:
    """Neither transcript nor outcome shows the password in any form it travelled in."""
    shown = result.conversation + "".join(o.text for o in result.outcomes.values())
    forms = [CANARY, CANARY.lower(), base64.b64encode(CANARY.encode()).decode()]
    forms.append(base64.b64encode(f"\0{USER}\0{CANARY}".encode()).decode())
    for form in forms:
        assert form not in shown
    assert "kAnArY" not in shown


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("encryption", ["starttls", "starttls-if-offered", "tls"])
@pytest.mark.parametrize("offered", ["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH=LOGIN", AUTH])
def test_encrypted_and_logged_in(
    server_tls: ssl.SSLContext,
    trusting: Callable[[], ssl.SSLContext],
    encryption: str,
    offered: str,
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    with secure_server(server_tls, implicit=encryption == "tls", extensions=("STARTTLS", offered)) as server:
        route = route_to(server.port, encryption=encryption, login=login())
        (result,) = run(sent(route, (ONE, RAW), tls=trusting), loop)
    assert result.only.verdict is Verdict.accepted
    assert server.messages[0].data == wire_form(RAW)
    assert "> AUTH " in result.conversation
    assert "***" in result.conversation
    assert "certificate verified" in result.conversation
    assert_no_secret(result)


@pytest.mark.parametrize("implicit", [False, True])
def test_encrypted_and_logged_in_at_a_real_server(
    server_tls: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext], implicit: bool
) -> None:
    def authenticate(
        server: object, session: object, envelope: object, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = data.login == USER.encode() and data.password == CANARY.encode()
        return AuthResult(success=right, handled=False)

    kwargs: dict[str, Any] = {"authenticator": authenticate, "auth_required": True}
    if implicit:
        kwargs |= {"ssl_context": server_tls, "auth_require_tls": False}
    else:
        kwargs |= {"tls_context": server_tls, "require_starttls": True}
    with real_server(**kwargs) as (sink, port):
        route = route_to(port, encryption="tls" if implicit else "starttls", login=login())
        result = send(route, tls=trusting)
        wrong = send(replace(route, login=Login(USER, SecretStr("wrong-one"))), tls=trusting)
    assert result.only.verdict is Verdict.accepted
    assert len(sink.messages) == 1
    assert_no_secret(result)
    assert (wrong.only.verdict, wrong.only.stage, wrong.only.smtp_code) == (Verdict.temporary, Stage.login, 535)
    assert "wrong-one" not in wrong.conversation


def test_a_ca_of_the_machine_is_trusted_without_a_restart(
    authority: trustme.CA, server_tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The diagnosis of an untrusted certificate says: install the CA on the server machine."""
    bundle = tmp_path / "ca.pem"
    with secure_server(server_tls) as server:
        route = route_to(server.port, encryption="starttls")
        assert send(route).only.failure is Failure.tls_untrusted
        authority.cert_pem.write_to_path(str(bundle))
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
        assert send(route).only.verdict is Verdict.accepted


@pytest.mark.spec("7: a relay's certificate is verified")
@pytest.mark.parametrize("encryption", ["starttls", "starttls-if-offered", "tls"])
@pytest.mark.parametrize("trouble", ["unknown CA", "another name"])
def test_an_untrusted_certificate_ends_it_before_anything_is_sent(
    server_tls: ssl.SSLContext,
    authority: trustme.CA,
    trusting: Callable[[], ssl.SSLContext],
    encryption: str,
    trouble: str,
) -> None:
    trust, context = trusting, server_tls
    if trouble == "unknown CA":
        trust = ssl.create_default_context
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("mail.example.com").configure_cert(context)
    with secure_server(context, implicit=encryption == "tls") as server:
        result = send(route_to(server.port, encryption=encryption, login=login()), tls=trust)
        time.sleep(0.1)
    assert (result.only.verdict, result.only.stage, result.only.failure) == (
        Verdict.temporary,
        Stage.certificate,
        Failure.tls_untrusted,
    )
    assert ("self-signed certificate" in result.only.text or "issuer" in result.only.text) == (trouble == "unknown CA")
    assert ("mail" in result.only.text.lower() or "127.0.0.1" in result.only.text) == (trouble == "another name")
    said = [line.split(" ")[0] for _, line in server.lines]
    assert said == ([] if encryption == "tls" else ["EHLO", "STARTTLS"])


def test_starttls_required_but_not_offered_sends_nothing() -> None:
    with ScriptedSmtp(extensions=(AUTH,), accounts={USER: CANARY}) as server:
        result = send(route_to(server.port, encryption="starttls", login=login()))
    assert (result.only.stage, result.only.failure) == (Stage.starttls, Failure.tls_not_offered)
    assert [line.split(" ")[0] for _, line in server.lines] == ["EHLO"]


def test_starttls_if_offered_sends_openly_when_it_is_not() -> None:
    with ScriptedSmtp() as server:
        assert send(route_to(server.port, encryption="starttls-if-offered")).only.verdict is Verdict.accepted


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "502 5.5.1 no"])
def test_starttls_offered_and_refused_is_no_reason_to_talk_openly(server_tls: ssl.SSLContext, reply: str) -> None:
    with secure_server(server_tls, script={"starttls": say(reply)}) as server:
        result = send(route_to(server.port, encryption="starttls-if-offered"))
    assert (result.only.verdict, result.only.stage) == (Verdict.temporary, Stage.starttls)
    assert result.only.smtp_code == int(reply[:3])
    assert not server.messages


@pytest.mark.parametrize("encryption", ["none", "starttls-if-offered"])
def test_a_password_goes_openly_only_where_that_was_chosen(encryption: str) -> None:
    with ScriptedSmtp(extensions=("AUTH PLAIN",), accounts={USER: CANARY}) as server:
        result = send(route_to(server.port, encryption=encryption, login=login()))
    assert_no_secret(result)
    if encryption == "none":
        assert result.only.verdict is Verdict.accepted
    else:
        assert (result.only.stage, result.only.failure) == (Stage.login, Failure.login_not_offered)
        assert "unencrypted only where encryption is 'none'" in result.only.text
        assert not server.said("AUTH")


def test_on_an_open_line_the_method_that_hides_the_password_comes_first() -> None:
    with ScriptedSmtp(extensions=(AUTH,), accounts={USER: CANARY}) as server:
        assert send(route_to(server.port, login=login())).only.verdict is Verdict.accepted
    assert server.said("AUTH") == ["AUTH CRAM-MD5"]


@pytest.mark.parametrize("extensions", [(), ("AUTH GSSAPI NTLM",)])
def test_no_log_in_is_offered(extensions: tuple[str, ...]) -> None:
    with ScriptedSmtp(extensions=extensions) as server:
        result = send(route_to(server.port, login=login()))
    assert (result.only.stage, result.only.failure) == (Stage.login, Failure.login_not_offered)
    assert ("GSSAPI" in result.only.text) == bool(extensions)


@pytest.mark.spec("7: Secrets are masked, always")
@pytest.mark.parametrize("offered", ["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5"])
def test_secrets_are_masked_even_where_the_host_echoes_them(server_tls: ssl.SSLContext, offered: str) -> None:
    seen: list[str] = []

    def echo(line: str) -> Action:
        seen.append(line)
        everything = " ".join(line for _, line in server.lines[1:])
        return say(f"535-5.7.8 you said {everything}\n535 5.7.8 that is {CANARY} = {CANARY.upper()}")

    with ScriptedSmtp({"auth": echo, "rcpt": echo}, extensions=(offered,), accounts={USER: CANARY}) as server:
        result = send(route_to(server.port, login=login()))
        travelled = [line for _, line in server.lines[1:]]
    assert seen
    assert result.only.stage is Stage.login
    assert_no_secret(result)
    assert CANARY.upper() not in result.conversation
    for line in travelled:
        secret = line.split(" ")[-1] if line.startswith("AUTH") else line
        assert secret in ("LOGIN", "CRAM-MD5") or secret not in result.conversation + result.only.text
    assert "AUTH " in result.conversation


def test_secrets_echoed_later_in_the_conversation_are_masked(server_tls: ssl.SSLContext) -> None:
    plain = base64.b64encode(f"\0{USER}\0{CANARY}".encode()).decode()
    bad = say(f"550 5.1.1 {CANARY} {plain}")
    with ScriptedSmtp({"rcpt": bad}, extensions=("AUTH PLAIN",), accounts={USER: CANARY}) as server:
        for result in run(sent(route_to(server.port, login=login()), (ONE, RAW), (ONE, RAW))):
            assert result.only.text == "5.1.1 *** ***"
            assert_no_secret(result)


@pytest.mark.parametrize("methods", ["AUTH PLAIN LOGIN", "AUTH LOGIN PLAIN CRAM-MD5"])
def test_a_wrong_password_is_not_tried_again_by_another_method(
    server_tls: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext], methods: str
) -> None:
    with secure_server(server_tls, extensions=("STARTTLS", methods), accounts={}) as server:
        result = send(route_to(server.port, encryption="starttls", login=login()), tls=trusting)
    assert (result.only.verdict, result.only.stage, result.only.smtp_code) == (Verdict.temporary, Stage.login, 535)
    assert len(server.said("AUTH")) == 1


def test_a_method_the_host_offers_but_cannot_do_is_no_end(
    server_tls: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext]
) -> None:
    script = {"auth": when("PLAIN", say("504 5.5.4 not that one"))}
    with secure_server(server_tls, script=script) as server:
        result = send(route_to(server.port, encryption="starttls", login=login()), tls=trusting)
    assert result.only.verdict is Verdict.accepted
    assert [line.split(" ")[1] for line in server.said("AUTH")] == ["PLAIN", "LOGIN"]


def test_plaintext_injected_behind_the_starttls_reply_is_not_honoured(
    server_tls: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext]
) -> None:
    """CVE-2021-33515 and relatives: what stands behind the 220 must not answer the EHLO inside TLS."""
    injected = babble(b"220 2.0.0 ready\r\n250-injected.example\r\n250 AUTH PLAIN\r\n")
    with secure_server(server_tls, script={"starttls": injected}, extensions=("STARTTLS",)) as server:
        result = send(route_to(server.port, encryption="starttls"), tls=trusting)
    assert "injected" not in result.conversation
    assert result.only.verdict is Verdict.accepted
    assert server.said("EHLO") == ["EHLO client.example.com"] * 2


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_a_host_that_does_not_speak_tls_there(
    server_tls: ssl.SSLContext, trusting: Callable[[], ssl.SSLContext], encryption: str
) -> None:
    script = {"starttls": babble(b"220 ready\r\n" + b"this is no TLS record at all\r\n" * 20, pause=0.001)}
    with ScriptedSmtp(script, extensions=("STARTTLS",), tls=server_tls) as server:
        result = send(route_to(server.port, encryption=encryption), tls=trusting)
    assert result.only.failure is Failure.tls_failed
    assert result.only.verdict is Verdict.temporary
