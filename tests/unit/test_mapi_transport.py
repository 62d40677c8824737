"""Mail by MAPI, through a small library with the same calls; and messages as MAPI takes them."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests import corpus
from tests.fakes.mapi import FakeMapi
from tests.ports import wait_until
from tests.unit.smtp_sending import run
from trackkit.domain.mapi import OF_RECIPIENTS, WORDS, outcome_of_code
from trackkit.domain.message import Envelope
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.blocking import LeftAlone
from trackkit.mail.conversation import Conversation
from trackkit.mail.transports import mapi
from trackkit.mail.transports.mapi_letter import content_of, letter, recipients_of
from trackkit.mail.transports.mapi_library import BCC, CC, TO
from trackkit.mail.way import MapiLogin
from trackkit.services import mapi_profiles

CANARY = "kAnArY-pa55"
LOGIN = MapiLogin("Post", SecretStr(CANARY), show_window=False)
RAW = "To: Bill Jones, two@b.test\nCc: Ann\nSubject: Grüße €\n\nschön\n".encode()


@pytest.fixture(scope="module", params=["with Unicode", "without"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FakeMapi:
    return FakeMapi(tmp_path_factory.mktemp("mapi"), wide=request.param == "with Unicode")


@pytest.fixture
def fake(library: FakeMapi) -> FakeMapi:
    for name in ("record", "login_code", "send_code", "unknown", "hang", "hang_login"):
        library.forgets(name)
    return library


def send(
    fake: FakeMapi,
    to: Sequence[str] = ("Bill Jones",),
    raw: bytes = RAW,
    login: MapiLogin = LOGIN,
    left_alone: LeftAlone | None = None,
    mail_from: str = "a@a.test",
) -> tuple[dict[str, Outcome], str]:
    """Outcomes by recipient, and the conversation."""

    async def work() -> tuple[dict[str, Outcome], str]:
        conversation = Conversation()
        one_call = asyncio.Lock()
        opened = await mapi.connect(fake.library, login, one_call, left_alone or LeftAlone(), conversation)
        if isinstance(opened, Outcome):
            return dict.fromkeys(to, opened), conversation.text
        outcomes: dict[str, Outcome] = {}
        await opened.deliver(Envelope(mail_from, tuple(to)), raw, outcomes)
        if opened.over:
            opened.abort()
        else:
            await opened.close()
        return outcomes, opened.conversation.text

    found: tuple[dict[str, Outcome], str] = run(work())
    return found


@pytest.mark.spec("7: MAPI: Simple MAPI's calls with profile and password, proven against a library with the same ABI")
def test_a_mail_is_handed_over_whole(fake: FakeMapi) -> None:
    outcomes, conversation = send(fake, ("Bill Jones", "two@b.test", "EX:/o=x/cn=ann", "hidden@b.test"))
    assert {(o.verdict, o.smtp_code, o.text) for o in outcomes.values()} == {
        (Verdict.accepted, 250, "handed to MAPI, profile Post")
    }
    [sent] = fake.sent
    assert (sent.subject, sent.text, sent.flags) == ("Grüße €", "schön\n", 0)
    assert sent.recipients == [
        (TO, "Bill Jones", ""),
        (TO, "two@b.test", "SMTP:two@b.test"),
        (BCC, "EX:/o=x/cn=ann", "EX:/o=x/cn=ann"),
        (BCC, "hidden@b.test", "SMTP:hidden@b.test"),
    ], "who is not named in the message is a blind copy"
    assert fake.logins == [("Post", CANARY)]
    assert fake.lines[-1][0] == "logoff"
    assert CANARY not in conversation
    assert CANARY not in repr(LOGIN)


def test_attachments_are_files_that_are_gone_afterwards(fake: FakeMapi) -> None:
    message = EmailMessage()
    message["To"] = "Bill Jones"
    message["Subject"] = "files"
    message.set_content("see there\n")
    message.add_alternative("<p>see there</p>\n", subtype="html")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="../../Rechnung ü.pdf")
    message.add_attachment("plain\n", filename="con.txt")
    inner = EmailMessage()
    inner["Subject"] = "inside"
    inner.set_content("deep\n")
    message.add_attachment(inner)
    send(fake, raw=message.as_bytes())
    [sent] = fake.sent
    assert sent.text.replace("\r\n", "\n") == "see there\n"
    assert [name for name, _ in sent.files] == [
        "part2.html",
        "_.._Rechnung ü.pdf",
        "_con.txt",
        "part5.eml",
    ]
    contents = [content for _, content in sent.files]
    assert contents[0].replace(b"\r\n", b"\n") == b"<p>see there</p>\n"
    assert contents[1] == b"\x00\x01"
    assert contents[2].replace(b"\r\n", b"\n") == b"plain\n"
    assert b"Subject: inside" in contents[3]
    assert b"deep" in contents[3]
    assert not any(os.path.exists(path) or os.path.exists(os.path.dirname(path)) for path in sent.paths)


@pytest.mark.parametrize("code", sorted({*WORDS, 77}))
def test_every_code_has_an_outcome_in_plain_words(fake: FakeMapi, code: int) -> None:
    fake.says("send_code", code)
    outcome = send(fake)[0]["Bill Jones"]
    for_good = {9, 14, 15, 17, 18, 20, 21, 25}
    assert outcome.verdict is (Verdict.permanent if code in for_good else Verdict.temporary)
    wanted = Failure.mapi_recipient if code in OF_RECIPIENTS else Failure.mapi_login if code == 3 else None
    assert outcome.failure is (wanted or Failure.mapi_failed)
    assert (WORDS[code][0] if code in WORDS else "(77)") in outcome.text
    assert not fake.sent


@pytest.mark.parametrize("code", [1, 2, 3, 6, 8])
def test_a_refused_log_in_is_temporary_and_says_so(fake: FakeMapi, code: int) -> None:
    fake.says("login_code", code)
    outcomes, conversation = send(fake)
    [outcome] = outcomes.values()
    assert (outcome.verdict, outcome.failure, outcome.stage) == (Verdict.temporary, Failure.mapi_login, Stage.login)
    assert outcome.text in conversation
    assert CANARY not in conversation


def test_a_recipient_the_address_book_does_not_know_fails_alone(fake: FakeMapi) -> None:
    fake.says("unknown", "Nobody")
    outcomes, conversation = send(fake, ("Bill Jones", "Nobody", "two@b.test"))
    assert [o.verdict for o in outcomes.values()] == [Verdict.accepted, Verdict.permanent, Verdict.accepted]
    assert [[r[1] for r in sent.recipients] for sent in fake.sent] == [["Bill Jones"], ["two@b.test"]]
    assert "each recipient is tried alone" in conversation


def test_who_was_not_tried_when_the_session_ended_is_given_back(
    fake: FakeMapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter([14, 0, 19])
    monkeypatch.setattr(mapi.MapiLibrary, "send", lambda *_, **__: next(codes))
    outcomes, _ = send(fake, ("Bill Jones", "Ann", "two@b.test", "Nobody"))
    assert {name: one.verdict for name, one in outcomes.items()} == {
        "Bill Jones": Verdict.accepted,
        "Ann": Verdict.temporary,
    }, "nobody knows yet whom the address book does not know"


@pytest.mark.spec("7: MAPI: the window is shown only if wanted, and never for automatic mail")
def test_the_window_is_for_mail_of_people(fake: FakeMapi) -> None:
    shown = MapiLogin(None, None, show_window=True)
    send(fake, login=shown)
    send(fake, login=shown, raw=b"Auto-Submitted: auto-generated\n" + RAW)
    send(fake, login=shown, mail_from="")
    send(fake)
    assert [sent.flags for sent in fake.sent] == [0x8, 0, 0, 0]
    assert fake.logins[0] == ("", "")
    fake.says("send_code", 1)
    assert send(fake, login=shown)[0]["Bill Jones"].verdict is Verdict.permanent, "somebody did not want it sent"


def test_a_call_that_hangs_is_left_alone_and_reported(fake: FakeMapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapi, "SEND_SECONDS", 0.1)
    monkeypatch.setattr(mapi, "LOGIN_SECONDS", 0.5)
    told: list[str] = []
    left_alone = LeftAlone(lambda: told.append("hangs"))
    fake.says("hang")
    [outcome] = send(fake, left_alone=left_alone)[0].values()
    assert (outcome.verdict, outcome.failure) == (Verdict.unknown, Failure.mapi_failed)
    assert told == ["hangs"]
    [outcome] = send(fake, left_alone=left_alone)[0].values()
    assert (outcome.verdict, "still hangs" in outcome.text) == (Verdict.temporary, True), "nothing is called beside it"
    fake.forgets("hang")
    while left_alone.hinders(time.monotonic()):
        time.sleep(0.01)
    assert fake.lines[-1][0] == "logoff", "what was left alone logs off once it goes on"
    assert send(fake, left_alone=left_alone)[0]["Bill Jones"].verdict is Verdict.accepted
    fake.says("hang_login")
    [outcome] = send(fake, left_alone=left_alone)[0].values()
    assert (outcome.verdict, outcome.stage) == (Verdict.temporary, Stage.login)
    fake.forgets("hang_login")


def test_a_library_that_breaks_off_leaves_the_outcome_unknown(fake: FakeMapi, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks_off(*_: object, **__: object) -> int:
        raise OSError("exception: access violation reading 0x0")

    monkeypatch.setattr(mapi.MapiLibrary, "send", breaks_off)
    [outcome] = send(fake)[0].values()
    assert (outcome.verdict, "access violation" in outcome.text) == (Verdict.unknown, True)
    monkeypatch.undo()
    monkeypatch.setattr(mapi, "letter", breaks_off)
    [outcome] = send(fake)[0].values()
    assert (outcome.verdict, "attachments" in outcome.text) == (Verdict.temporary, True)


def test_who_is_cancelled_before_its_turn_was_not_sent_to(fake: FakeMapi) -> None:
    async def work() -> None:
        one_call = asyncio.Lock()
        opened = await mapi.connect(fake.library, LOGIN, one_call, LeftAlone(), Conversation())
        assert not isinstance(opened, Outcome)
        outcomes: dict[str, Outcome] = {}
        async with one_call:
            sending = asyncio.create_task(opened.deliver(Envelope("a@a.test", ("Ann",)), RAW, outcomes))
            await asyncio.sleep(0.05)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        assert outcomes == {}
        opened.abort()

    run(work())


def test_a_library_that_breaks_off_while_logging_off_ends_the_thread_all_the_same(
    fake: FakeMapi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(*_: object) -> int:
        raise OSError("exception: access violation reading 0x0")

    monkeypatch.setattr(mapi.MapiLibrary, "logoff", breaks_off)
    before = threading.active_count()
    outcomes, conversation = send(fake)
    assert outcomes["Bill Jones"].verdict is Verdict.accepted
    assert "access violation" in conversation
    wait_until(lambda: threading.active_count() <= before)


@pytest.mark.spec("7: MAPI: elsewhere a clear 'needs Windows'")
def test_without_a_library_mail_says_that_it_needs_windows(tmp_path: Path) -> None:
    async def outcome(library: str) -> Outcome:
        found = await mapi.connect(library, LOGIN, asyncio.Lock(), LeftAlone(), Conversation())
        assert isinstance(found, Outcome)
        return found

    assert "needs Windows" in run(outcome("")).text
    (tmp_path / "no.so").write_bytes(b"no library")
    for library in (str(tmp_path / "gone.so"), str(tmp_path / "no.so")):
        found = run(outcome(library))
        assert (found.verdict, found.failure) == (Verdict.temporary, Failure.no_mapi)


def test_outcomes_of_codes_never_hold_a_secret_and_always_words() -> None:
    assert all(outcome_of_code(code, stage).text for code in range(40) for stage in Stage)


@pytest.mark.parametrize(
    ("raw", "text", "names"),
    [
        (b"Content-Type: text/html\n\n<p>x\n", "The text is attached.", ["part1.html"]),
        (b"", "", []),
        (b"\n", "", []),
        (b"Subject: x\n\n", "", []),
        (b"Content-Type: text/plain; charset=nope\n\n\xff\n", "\ufffd\n", []),
        (b"Content-Type: multipart/mixed; boundary=b\n\nno parts\n", "no parts\n", []),
        (b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!\n", None, []),
        (b"Content-Type: text/plain\n\na\0b\n", "a\N{SYMBOL FOR NULL}b\n", []),
    ],
)
def test_odd_messages(raw: bytes, text: str | None, names: list[str]) -> None:
    content = content_of(raw)
    assert text is None or content.text == text
    assert [name for name, _ in content.files] == names


def _nested(depth: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    return b"Subject: deep\n" + head + b"\nhello\n"


@pytest.mark.parametrize("raw", [_nested(500), b"X-A: b\n" * 50_000 + b"\nhello\n", _nested(3) * 30])
def test_what_would_take_too_long_goes_whole(raw: bytes) -> None:
    content = content_of(raw)
    assert content.files == (("message.eml", raw),)
    assert "attached" in content.text


def test_a_name_that_no_file_can_have_is_made_harmless(tmp_path: Path) -> None:
    raw = b"Content-Type: application/x;\n name*=utf-7''a.%2B2AA-\n\nx\n"
    [(path, name)] = letter(content_of(raw), (), tmp_path).files
    assert (Path(path).name, name) == ("0._", "a._")


def test_a_very_long_text_is_attached() -> None:
    content = content_of(b"Subject: x\n\n" + b"y" * (2 * 1024 * 1024))
    assert (content.text, [name for name, _ in content.files]) == ("The text is attached.", ["part1.txt"])


@given(st.binary(max_size=300), st.lists(st.sampled_from(["a@b.test", "Bill", "x"]), min_size=1, unique=True))
@settings(max_examples=200)
def test_rubbish_is_survived(raw: bytes, to: list[str]) -> None:
    for message in (raw, b"To: " + raw, b"Content-Type: multipart/mixed; boundary=" + raw + b"\n\n--" + raw):
        content = content_of(message)
        assert "\0" not in content.text + content.subject
        found = recipients_of(message, tuple(to))
        assert [one.name for one in found] == to
        assert {one.kind for one in found} <= {TO, CC, BCC}


@pytest.mark.corpus
def test_real_mails_lose_nothing(tmp_path: Path) -> None:
    found = corpus.messages()
    assert found or not corpus.FOLDER.exists()
    for name, raw in found.items():
        made = letter(content_of(raw), recipients_of(raw, ("a@b.test",)), tmp_path)
        assert made.text or made.files or not raw.partition(b"\n\n")[2].strip(), name
        assert all(Path(path).parent == tmp_path for path, _ in made.files), name
        assert not any(set('/\\:*?"<>|\0') & set(shown) for _, shown in made.files), name


class Registry:
    """A stand-in for `winreg`: keys as paths."""

    HKEY_CURRENT_USER = object()

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    class Key:
        def __init__(self, names: list[str]) -> None:
            self.names = names

        def __enter__(self) -> Registry.Key:
            return self

        def __exit__(self, *_: object) -> None:
            """Closed."""

    def OpenKey(self, root: object, path: str) -> Key:
        names = {p[len(path) + 1 :].partition("\\")[0] for p in self.paths if p.startswith(f"{path}\\")}
        if root is not self.HKEY_CURRENT_USER or not names:
            raise FileNotFoundError(2, "no such key")
        return Registry.Key(sorted(names))

    def EnumKey(self, key: Key, number: int) -> str:
        if number >= len(key.names):
            raise OSError(259, "no more data")
        return key.names[number]


@pytest.mark.spec("7: MAPI: the list of profiles, from the registry (a stand-in with its calls)")
def test_profiles_come_from_the_registry() -> None:
    office, older = "Software\\Microsoft\\Office", "Software\\Microsoft\\Windows NT\\CurrentVersion"
    registry = Registry(
        f"{office}\\16.0\\Outlook\\Profiles\\Work",
        f"{office}\\15.0\\Outlook\\Profiles\\Old",
        f"{office}\\Common\\x",
        f"{older}\\Windows Messaging Subsystem\\Profiles\\Work",
    )
    assert mapi_profiles.names(registry) == ["Old", "Work"]
    assert mapi_profiles.names(Registry()) == []
    assert mapi_profiles.names() == []
