"""The pickup folder and what can be wrong with it; which folders a machine allows."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from tests.unit.smtp_sending import RAW, run
from trackkit.domain.errors import InvalidInput
from trackkit.domain.message import Envelope, MailType
from trackkit.domain.options import Options, changed
from trackkit.domain.replies import Failure, Outcome, Verdict
from trackkit.mail.blocking import Hangs, LeftAlone, Worker
from trackkit.mail.conversation import Conversation
from trackkit.mail.transports import pickup
from trackkit.services.machine import ALLOW, Machine, NotUsable, pickup_folder, refuse_unable

TO = Envelope("a@a.test", ("b@b.test",), queue_id="Q17")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "root" / "pickup"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "data").mkdir()
    return Machine(tmp_path / "data", (str(tmp_path / "root"),))


def put(machine: Machine, folder: Path, envelope: Envelope = TO) -> Outcome:
    """What becomes of the first recipient."""

    async def work() -> Outcome:
        opened = await pickup.connect(machine, str(folder), LeftAlone(), Conversation())
        if isinstance(opened, Outcome):
            return opened
        outcomes: dict[str, Outcome] = {}
        await opened.deliver(envelope, RAW, outcomes)
        await opened.close()
        return outcomes[envelope.rcpt_tos[0]]

    found: Outcome = run(work())
    return found


def files(folder: Path) -> list[str]:
    """What a service would see, and nothing may be left aside."""
    assert not os.listdir(folder / pickup.ASIDE)
    return sorted(name for name in os.listdir(folder) if name != pickup.ASIDE)


@pytest.mark.spec("7: pickup folder: whole files only, written aside, then renamed")
def test_a_file_appears_whole_under_a_name_of_its_own(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, list[str]]] = []
    real = os.fsync

    def fsync(file: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(file).st_mode), [n for n in os.listdir(folder) if n != pickup.ASIDE]))
        real(file)

    monkeypatch.setattr(pickup.os, "fsync", fsync)
    outcome = put(machine, folder)
    [name] = files(folder)
    assert name.startswith("Q17-")
    assert name.endswith(".eml")
    assert len(name) == len("Q17-.eml") + 32
    assert (outcome.verdict, outcome.smtp_code) == (Verdict.accepted, 250)
    assert outcome.text == f"handed to {folder} as {name}"
    assert synced == [(False, []), (True, [name])], "the content is on the disk before the name is, then the name"
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o640
    assert (folder / name).read_bytes().endswith(RAW)


def test_nothing_that_is_there_is_replaced(machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickup.secrets, "token_hex", lambda _: "same")
    assert put(machine, folder).verdict is Verdict.accepted
    (folder / "Q17-same.eml").write_bytes(b"mine")
    for no_links in (False, True):
        if no_links:  # as on file systems that have none
            monkeypatch.setattr(pickup.os, "link", _no_links)
        outcome = put(machine, folder)
        assert (outcome.verdict, outcome.failure) == (Verdict.temporary, Failure.pickup_folder)
        assert (folder / "Q17-same.eml").read_bytes() == b"mine"
        assert files(folder) == ["Q17-same.eml"]
    monkeypatch.setattr(pickup.secrets, "token_hex", lambda _: "other")
    assert put(machine, folder).verdict is Verdict.accepted
    assert files(folder) == ["Q17-other.eml", "Q17-same.eml"]


def test_what_has_its_name_is_handed_over_whatever_happens_to_the_other(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(pickup.Path, "unlink", unlink)
    assert put(machine, folder).verdict is Verdict.accepted
    assert len(list(folder.glob("*.eml"))) == 1


def _no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.spec("7: pickup folder: vanished, full, without rights, a file, a link outside: a temporary outcome")
def test_a_folder_that_cannot_be_used_is_a_temporary_outcome(
    machine: Machine, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = folder.parent, tmp_path / "outside"
    outside.mkdir()
    (root / "file").write_text("x")
    (root / "link").symlink_to(outside)
    (root / "round").symlink_to(root / "round")
    (root / "spoilt").mkdir()
    (root / "spoilt" / pickup.ASIDE).symlink_to(outside)
    for name, words in (
        ("gone", "is not there"),
        ("file", "is a file, not a folder"),
        ("link", "lies outside the folders that pickup-roots names"),
        ("round", "cannot be looked at"),
        ("spoilt", "that is no folder"),
        ("../outside", "lies outside"),
    ):
        outcome = put(machine, root / name)
        assert (outcome.verdict, outcome.failure, words in outcome.text) == (
            Verdict.temporary,
            Failure.pickup_folder,
            True,
        ), outcome
    assert os.listdir(outside) == []
    monkeypatch.setattr(pickup.os, "access", lambda *_: False)
    assert "cannot be written to by the server's account" in put(machine, folder).text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.ETIMEDOUT])
@pytest.mark.parametrize("call", ["open", "write", "link"])
def test_what_fails_while_writing_leaves_nothing_and_is_temporary(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    real = getattr(os, call)

    def fails(*given: object, **more: object) -> object:
        if call != "open" or str(given[0]).endswith(".eml"):
            raise OSError(number, os.strerror(number))
        return real(*given, **more)

    monkeypatch.setattr(pickup.os, call, fails)
    outcome = put(machine, folder)
    monkeypatch.setattr(pickup.os, call, real)
    if call == "link" and number in pickup._NO_LINKS:
        assert outcome.verdict is Verdict.accepted
        return
    assert (outcome.verdict, outcome.failure) == (Verdict.temporary, Failure.pickup_folder)
    assert os.strerror(number) in outcome.text
    assert files(folder) == []


def test_a_name_that_may_not_survive_is_unknown(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(pickup.os, "fsync", fsync)
    outcome = put(machine, folder)
    assert (outcome.verdict, outcome.failure) == (Verdict.unknown, Failure.pickup_folder)
    assert len(files(folder)) == 1


def test_the_folder_is_looked_at_anew_for_each_message(machine: Machine, folder: Path) -> None:
    async def work() -> None:
        opened = await pickup.connect(machine, str(folder), LeftAlone(), Conversation())
        assert not isinstance(opened, Outcome)
        outcomes: dict[str, Outcome] = {}
        await opened.deliver(TO, RAW, outcomes)
        folder.rename(folder.with_name("away"))
        await opened.deliver(TO, RAW, outcomes)
        assert outcomes["b@b.test"].text.endswith("is not there")
        folder.mkdir()
        await opened.deliver(TO, RAW, outcomes)
        assert outcomes["b@b.test"].verdict is Verdict.accepted
        await opened.close()

    run(work())
    assert len(files(folder)) == len(files(folder.with_name("away"))) == 1


def test_a_folder_that_hangs_is_waited_for_for_a_while_and_then_left_alone(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, left_alone = threading.Event(), LeftAlone()
    monkeypatch.setattr(pickup, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(pickup.os, "fsync", lambda _: goes_on.wait(30))

    async def work() -> None:
        opened = await pickup.connect(machine, str(folder), left_alone, Conversation())
        assert not isinstance(opened, Outcome)
        outcomes: dict[str, Outcome] = {}
        await opened.deliver(TO, RAW, outcomes)
        assert (outcomes["b@b.test"].verdict, opened.over) == (Verdict.unknown, True)
        opened.abort()
        again = await pickup.connect(machine, str(folder), left_alone, Conversation())
        assert isinstance(again, Outcome)
        assert (again.verdict, "still hangs" in again.text) == (Verdict.temporary, True)
        goes_on.set()
        while left_alone.hinders(time.monotonic()):
            threading.Event().wait(0.01)
        assert not isinstance(await pickup.connect(machine, str(folder), left_alone, Conversation()), Outcome)

    run(work())


def test_what_a_call_raises_that_nobody_waits_for_is_no_trouble() -> None:
    complaints: list[str] = []

    async def work() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about["message"]))
        goes_on, left_alone = threading.Event(), LeftAlone()

        def fails() -> None:
            goes_on.wait(30)
            raise OSError(errno.EIO, "Input/output error")

        worker = Worker("test", left_alone)
        with pytest.raises(Hangs):
            await worker(fails, 0.01)
        worker.close(fails)
        goes_on.set()
        while left_alone.hinders(time.monotonic()):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        gc.collect()

    run(work())
    assert complaints == []


def test_addresses_that_only_smtputf8_takes_fail_alone(machine: Machine, folder: Path) -> None:
    outcome = put(machine, folder, Envelope("a@a.test", ("jörg@b.test", "c@c.test")))
    assert (outcome.verdict, outcome.enhanced_code) == (Verdict.permanent, "5.6.7")
    [name] = files(folder)
    assert b"X-Receiver: c@c.test\r\n" in (folder / name).read_bytes()
    assert put(machine, folder, Envelope("jörg@a.test", ("c@c.test",))).verdict is Verdict.permanent
    assert len(files(folder)) == 1


def test_what_a_killed_server_left_aside_goes_after_a_day(machine: Machine, folder: Path) -> None:
    put(machine, folder)
    for name, age in (("Q1-x.eml", 90_000), ("Q2-x.eml", 60), ("other", 90_000)):
        left = folder / pickup.ASIDE / name
        left.write_text("x")
        os.utime(left, (time.time() - age,) * 2)
    put(machine, folder)
    assert sorted(os.listdir(folder / pickup.ASIDE)) == ["Q2-x.eml", "other"]


def test_what_others_write_or_remove_meanwhile_hinders_nobody(
    machine: Machine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(machine, folder)
    left = folder / pickup.ASIDE / "Q1-x.eml"
    left.write_text("x")
    real = os.scandir

    def scandir(path: Path) -> list[os.DirEntry[str]]:
        found = list(real(path))
        left.unlink()
        return found

    monkeypatch.setattr(pickup.os, "scandir", scandir)
    assert put(machine, folder).verdict is Verdict.accepted


@pytest.mark.spec("7: pickup folder: only below folders that the server machine names, never in the server's own data")
def test_which_folders_a_machine_allows(machine: Machine, folder: Path, tmp_path: Path) -> None:
    assert pickup_folder(machine, str(folder)) == folder
    (tmp_path / "alias").symlink_to(folder)
    assert pickup_folder(machine, str(tmp_path / "alias")) == folder, "what counts is where a link leads"
    (tmp_path / "data" / "pickup").mkdir()
    wide = Machine(tmp_path / "data", (str(tmp_path),))
    for asked, path, words in (
        (machine, str(tmp_path), "lies outside"),
        (machine, f"{folder.parent}-not", "lies outside"),
        (wide, str(tmp_path / "data"), "data folder"),
        (wide, str(tmp_path / "data" / "pickup"), "data folder"),
        (wide, str(tmp_path), "data folder"),
        (Machine(), str(folder), "names no folder"),
        (machine, "\\\\server\\share", "another operating system"),
    ):
        with pytest.raises(NotUsable, match=words):
            pickup_folder(asked, path)


def test_a_change_of_options_is_refused_only_for_what_it_asks_for(machine: Machine, folder: Path) -> None:
    asks = {"sending.method": "pickup", "sending.pickup.folder": str(folder)}
    old, new = Options().sending, changed(Options(), asks)
    refuse_unable(machine, old, new.sending)
    with pytest.raises(InvalidInput, match=r"sending\.pickup\.folder") as refused:
        refuse_unable(Machine(), old, new.sending)
    assert refused.value.advice == ALLOW
    refuse_unable(Machine(), new.sending, changed(new, {"sending.paused": True}).sending)
    with pytest.raises(InvalidInput, match="needs Windows") as refused:
        refuse_unable(Machine(mapi_library=""), old, changed(Options(), {"sending.mapi.enabled": True}).sending)
    assert refused.value.problems[0].field == "sending.mapi.enabled"
    refuse_unable(Machine(mapi_library="x"), old, changed(Options(), {"sending.mapi.enabled": True}).sending)


def test_a_mail_worker_leaves_to_others_what_its_machine_does_not_have() -> None:
    both = frozenset(MailType)
    smtp, here = Options().sending, Machine(pickup_roots=("/srv",), mapi_library="x")
    folder = changed(Options(), {"sending.method": "pickup", "sending.pickup.folder": "/srv/x"}).sending
    mapi = changed(Options(), {"sending.method": "mapi", "sending.mapi.enabled": True}).sending
    assert [here.able(both, asked) for asked in (smtp, folder, mapi)] == [both] * 3
    bare = Machine(mapi_library="")
    assert [bare.able(both, asked) for asked in (smtp, folder, mapi)] == [{MailType.internet}, set(), set()]
