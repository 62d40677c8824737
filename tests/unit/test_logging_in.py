"""Log-ins besides those with a password in clear: NTLM and XOAUTH2, at a scripted host with pyspnego's acceptor."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from tests.fakes.smtp_server import ScriptedSmtp, babble, drop, first, say, when
from tests.fakes.token_endpoint import TokenEndpoint, says
from tests.unit.smtp_sending import CANARY, ONE, RAW, Result, route_to, run
from trackkit.domain.message import Envelope
from trackkit.domain.options import OAuth2Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.access_tokens import AccessTokens, NoToken
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import Login, Route
from trackkit.mail.transports.smtp import connect


class Account:
    """What tokens are asked for with."""

    def __init__(self, provider: TokenEndpoint, **changes: Any) -> None:
        self.stored = OAuth2Options(
            token_url=provider.url, client_id="trackkit", refresh_token=SecretStr("refresh-1")
        ).model_copy(update=changes)
        self.kept: list[str] = []
        self.fails = False

    def options(self) -> OAuth2Options:
        return self.stored

    def keep(self, used: OAuth2Options, new: SecretStr) -> None:
        if self.fails:
            raise OSError("the store is away")
        if used == self.stored:
            self.kept.append(new.get_secret_value())
            self.stored = used.model_copy(update={"refresh_token": new})


class Reports(list[str]):
    def __call__(self, severity: object, message: str, details: str = "", *, mailed: bool = True) -> None:
        self.append(message)


def tokens_for(account: Account, **more: Any) -> AccessTokens:
    import ssl

    return AccessTokens(account, ssl.create_default_context, Reports(), **more)


async def delivered(route: Route, tokens: AccessTokens | None = None) -> Result:
    conversation = Conversation()
    connection = await connect(route, lambda: None, "client.example.com", conversation, tokens)  # type: ignore[arg-type, return-value]
    if isinstance(connection, Outcome):
        return Result({ONE[0]: connection}, conversation.text)
    outcomes: dict[str, Outcome] = {}
    await connection.deliver(Envelope("a@example.com", ONE), RAW, outcomes)
    await connection.close()
    return Result(outcomes, conversation.text)


def by_token(port: int) -> Route:
    return route_to(port, login=Login("ada@mail.test", None, "oauth2"))


def by_ntlm(port: int, name: str, password: str = CANARY) -> Route:
    return route_to(port, login=Login(name, SecretStr(password), "ntlm"))


NAMES = ["OFFICE\\ada", "ada@office.test", "ada"]


@pytest.mark.parametrize("name", NAMES)
def test_ntlm(name: str) -> None:
    with ScriptedSmtp(extensions=("AUTH NTLM",), accounts={name: CANARY}) as host:
        result = run(delivered(by_ntlm(host.port, name)))
        wrong = run(delivered(by_ntlm(host.port, name, "wrong-one")))
    assert result.only.verdict is Verdict.accepted, result.conversation
    assert (wrong.only.verdict, wrong.only.stage, wrong.only.smtp_code) == (Verdict.temporary, Stage.login, 535)
    assert len(host.said("AUTH")) == 2
    travelled = [line for _, line in host.lines if len(line) > 40]
    for shown in (result.conversation, wrong.conversation + wrong.only.text):
        assert CANARY not in shown
        assert "wrong-one" not in shown
        assert "> AUTH NTLM" in shown
        assert not any(line in shown for line in travelled)


@pytest.mark.parametrize(
    ("challenge", "failure"),
    [
        (say("334 this is no base64!"), Failure.garbled),
        (say("334 AAAA"), Failure.garbled),
        (say("334 TlRMTVNTUAACAAAA"), Failure.garbled),
        (say("334 "), Failure.garbled),
        (say("454 4.7.0 no domain controller"), Failure.replied),
        (say("235 2.7.0 come in"), Failure.garbled),
        (drop(), Failure.dropped),
        (babble(b"334 " + b"A" * 100_000 + b"\r\n"), Failure.garbled),
    ],
    ids=range(8),
)
def test_an_ntlm_challenge_that_is_none(challenge: Any, failure: Failure) -> None:
    """The second question, which should hold the challenge."""
    skipped = iter([None])
    script = {"challenge": lambda line: next(skipped, challenge)}
    with ScriptedSmtp(script, extensions=("AUTH NTLM",), accounts={"ada": CANARY}) as host:
        result = run(delivered(by_ntlm(host.port, "ada")))
    assert (result.only.verdict, result.only.stage, result.only.failure) == (Verdict.temporary, Stage.login, failure)
    assert not host.messages


@pytest.mark.parametrize(
    ("login", "words"),
    [(Login("ada", SecretStr(CANARY), "ntlm"), "needs NTLM"), (Login("ada", None, "oauth2"), "needs XOAUTH2")],
)
def test_a_host_without_the_method(login: Login, words: str) -> None:
    with ScriptedSmtp(extensions=("AUTH PLAIN LOGIN",)) as host:
        result = run(delivered(route_to(host.port, login=login)))
    assert (result.only.stage, result.only.failure) == (Stage.login, Failure.login_not_offered)
    assert words in result.only.text
    assert "only PLAIN, LOGIN" in result.only.text
    assert not host.said("AUTH")


def test_one_request_for_all_connections_until_the_token_is_old() -> None:
    now = [0.0]

    async def work() -> None:
        tokens = tokens_for(account, clock=lambda: now[0])
        results = await asyncio.gather(*(delivered(by_token(host.port), tokens) for _ in range(5)))
        assert {result.only.verdict for result in results} == {Verdict.accepted}
        assert len(provider.asked) == 1
        now[0] = 3600 - 61
        await delivered(by_token(host.port), tokens)
        assert len(provider.asked) == 1
        now[0] = 3600 - 59
        result = await delivered(by_token(host.port), tokens)
        assert result.only.verdict is Verdict.accepted
        assert len(provider.asked) == 2
        assert "access-" not in result.conversation
        assert "refresh-1" not in result.conversation

    with TokenEndpoint() as provider, ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host:
        account = Account(provider)
        run(work())
    assert provider.asked[0] == {
        "grant_type": "refresh_token",
        "client_id": "trackkit",
        "refresh_token": "refresh-1",
    }


def test_the_application_in_its_own_name() -> None:
    with (
        TokenEndpoint(client_secret="s3cret/+ ") as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        changes = {
            "refresh_token": None,
            "client_secret": SecretStr("s3cret/+ "),
            "scope": "https://mail.test/.default",
        }
        account = Account(provider, **changes)
        assert run(delivered(by_token(host.port), tokens_for(account))).only.verdict is Verdict.accepted
    assert provider.asked[0]["grant_type"] == "client_credentials"
    assert provider.asked[0]["scope"] == "https://mail.test/.default"


def test_a_token_that_is_withdrawn_is_fetched_anew_once() -> None:
    async def work() -> None:
        tokens = tokens_for(Account(provider))
        assert (await delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted
        provider.tokens.clear()
        assert (await delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted
        assert (len(provider.asked), len(host.said("AUTH"))) == (2, 3)
        provider.tokens.clear()
        provider.answer = lambda form: says(200, access_token="never-good", token_type="bearer")
        refused = await delivered(by_token(host.port), tokens)
        assert (refused.only.stage, refused.only.smtp_code) == (Stage.login, 535)
        assert (len(provider.asked), len(host.said("AUTH"))) == (3, 5)
        assert "never-good" not in refused.conversation

    with TokenEndpoint() as provider, ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host:
        run(work())


def test_a_fresh_token_that_is_refused_is_not_tried_twice_and_not_kept() -> None:
    with TokenEndpoint() as provider, ScriptedSmtp(extensions=("AUTH XOAUTH2",)) as host:
        account = Account(provider)
        tokens = tokens_for(account)
        for number in (1, 2):
            assert run(delivered(by_token(host.port), tokens)).only.smtp_code == 535
            assert (len(provider.asked), len(host.said("AUTH"))) == (number, number)


def test_a_host_that_defers_the_log_in_does_not_cost_the_token() -> None:
    script = {"auth": first(1, say("454 4.7.0 later"))}
    with (
        TokenEndpoint() as provider,
        ScriptedSmtp(script, extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        tokens = tokens_for(Account(provider))
        assert run(delivered(by_token(host.port), tokens)).only.smtp_code == 454
        assert run(delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted
        assert len(provider.asked) == 1


def test_a_new_refresh_token_is_used_and_kept() -> None:
    async def work() -> None:
        tokens = tokens_for(account, clock=lambda: now[0])
        for _ in range(3):
            assert (await delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted
            now[0] += 3600

    now = [0.0]
    with (
        TokenEndpoint(rotates=True) as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        account = Account(provider)
        run(work())
    assert [form["refresh_token"] for form in provider.asked] == ["refresh-1", "refresh-1x", "refresh-1xx"]
    assert account.kept == ["refresh-1x", "refresh-1xx", "refresh-1xxx"]


def test_a_new_refresh_token_that_cannot_be_kept_is_not_lost() -> None:
    async def work() -> None:
        now = [0.0]
        tokens = tokens_for(account, clock=lambda: now[0])
        account.fails = True
        for _ in range(3):
            assert (await delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted
            now[0] += 3600
        assert len(tokens._report) == 1  # type: ignore[arg-type]
        assert "xx" not in tokens._report[0]  # type: ignore[index]
        account.fails = False
        assert (await delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted

    with (
        TokenEndpoint(rotates=True) as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        account = Account(provider)
        run(work())
    assert account.kept[-1] == provider.refresh_token


def test_another_worker_was_faster_with_the_refresh_token() -> None:
    """This one asks with what it has just read; by then it is used up, and its successor is stored."""
    with (
        TokenEndpoint(refresh_token="refresh-2") as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        account = Account(provider)

        def refuse(form: dict[str, str]) -> None:
            account.stored = account.stored.model_copy(update={"refresh_token": SecretStr("refresh-2")})

        provider.answer = refuse
        assert run(delivered(by_token(host.port), tokens_for(account))).only.verdict is Verdict.accepted
    assert [form["refresh_token"] for form in provider.asked] == ["refresh-1", "refresh-2"]


def test_what_an_administrator_enters_counts_at_once() -> None:
    with (
        TokenEndpoint() as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        account = Account(provider)
        tokens = tokens_for(account)
        run(delivered(by_token(host.port), tokens))
        provider.refresh_token = "refresh-new"
        account.stored = account.stored.model_copy(update={"refresh_token": SecretStr("refresh-new")})
        assert run(delivered(by_token(host.port), tokens)).only.verdict is Verdict.accepted
    assert provider.asked[-1]["refresh_token"] == "refresh-new"


SECRET = "refresh-1"
BAD = {
    "invalid_grant": (says(400, error="invalid_grant", error_description=f"{SECRET} is over"), "token_refused"),
    "invalid_client": (says(401, error="invalid_client"), "token_refused"),
    "an error with 200": (says(200, error="bad_refresh_token"), "token_refused"),
    "too many requests": (says(429, error="slow_down"), "token_not_had"),
    "a server error": (says(503, error="unavailable"), "token_not_had"),
    "a redirect": ((302, {"Location": "http://127.0.0.1:1/"}, b""), "token_not_had"),
    "no JSON": ((200, {"Content-Type": "text/html"}, b"<html>log in first</html>"), "token_not_had"),
    "nothing": ((200, {}, b""), "token_not_had"),
    "a list": ((200, {}, b"[]"), "token_not_had"),
    "deep JSON": ((200, {}, b"[" * 60_000), "token_not_had"),
    "no token": (says(200, token_type="Bearer"), "token_not_had"),
    "a token of another kind": (says(200, access_token="x", token_type="mac"), "token_not_had"),
    "a token of two lines": (says(200, access_token="x\r\nRCPT TO:<eve@x.test>"), "token_not_had"),
    "an endless token": (says(200, access_token="x" * 9000), "token_not_had"),
    "an endless answer": ((200, {}, b"x" * 200_000), "token_not_had"),
    "words that clear the screen": (says(400, error="no\x1b[2J", error_description="\r\n> 250 ok"), "token_refused"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_provider_that_misbehaves(case: str) -> None:
    answer, failure = BAD[case]
    with (
        TokenEndpoint(answer=lambda form: answer) as provider,
        ScriptedSmtp(extensions=("AUTH XOAUTH2",), tokens=provider.tokens) as host,
    ):
        result = run(delivered(by_token(host.port), tokens_for(Account(provider))))
    assert (result.only.verdict, result.only.stage, result.only.failure) == (Verdict.temporary, Stage.login, failure)
    shown = result.conversation + result.only.text
    assert SECRET not in shown
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(result.only.text) < 600
    assert not host.said("AUTH")
    assert len(provider.asked) == 1


def test_a_secret_is_masked_before_long_words_are_cut() -> None:
    async def reason(length: int) -> str:
        provider.answer = lambda form: says(400, error="invalid_grant", error_description="x" * length + SECRET)
        with pytest.raises(NoToken) as refused:
            await tokens_for(Account(provider)).get(Conversation())
        return refused.value.text

    with TokenEndpoint() as provider:
        # So that a cut at any place would be in the secret once.
        said = [run(reason(length)) for length in range(200, 600, len(SECRET) - 1)]
    assert not [text for text in said if "x" + SECRET[0] in text]
    assert len(said[-1]) == 500


def test_a_password_that_a_host_repeats_is_masked_before_its_line_is_cut() -> None:
    login = Login("ada", SecretStr(CANARY))
    for length in range(100, 300, len(CANARY) - 1):
        script = {"mail": say("x" * length + CANARY)}
        with ScriptedSmtp(script, extensions=("AUTH PLAIN",), accounts={"ada": CANARY}) as host:
            result = run(delivered(route_to(host.port, login=login)))
        assert (result.only.stage, result.only.failure) == (Stage.sender, Failure.garbled)
        assert "x" + CANARY[0] not in result.only.text + result.conversation


def test_a_provider_that_hangs_is_given_up_and_whoever_waited_shares_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackkit.mail.access_tokens.FETCH_SECONDS", 0.3)

    async def work() -> list[Result]:
        tokens = tokens_for(Account(provider))
        return list(await asyncio.gather(*(delivered(by_token(host.port), tokens) for _ in range(4))))

    with TokenEndpoint() as provider, ScriptedSmtp(extensions=("AUTH XOAUTH2",)) as host:
        provider.answer = provider.hang
        results = run(work())
    assert {(r.only.stage, r.only.failure) for r in results} == {(Stage.login, Failure.token_not_had)}
    assert "did not answer within" in results[0].only.text
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/token", "https://no-such-host.invalid/token", "https://xn--a/token"]
)
def test_a_provider_that_is_not_there(url: str) -> None:
    with TokenEndpoint() as provider, ScriptedSmtp(extensions=("AUTH XOAUTH2",)) as host:
        result = run(delivered(by_token(host.port), tokens_for(Account(provider, token_url=url))))
    assert (result.only.stage, result.only.failure) == (Stage.login, Failure.token_not_had)


def test_a_provider_whose_certificate_does_not_verify_gets_no_secret() -> None:
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with TokenEndpoint(tls=context) as provider, ScriptedSmtp(extensions=("AUTH XOAUTH2",)) as host:
        result = run(delivered(by_token(host.port), tokens_for(Account(provider))))
    assert result.only.failure is Failure.token_not_had
    assert "certificate" in result.only.text.lower()
    assert provider.asked == []


def test_what_few_use_is_not_loaded_before() -> None:
    code = "import sys, trackkit.server.run; print('spnego' in sys.modules, 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("stage", ["auth", "challenge"])
def test_a_token_the_host_echoes_is_masked(stage: str) -> None:
    script = {stage: when("", say("535 5.7.8 access-1 is no good"))}
    with TokenEndpoint() as provider, ScriptedSmtp(script, extensions=("AUTH XOAUTH2",)) as host:
        result = run(delivered(by_token(host.port), tokens_for(Account(provider))))
    assert result.only.stage is Stage.login
    assert "access-1" not in result.conversation + result.only.text
