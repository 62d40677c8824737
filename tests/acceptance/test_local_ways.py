"""The pickup folder and MAPI through a running server, whose machine allows a folder and names a library."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.acceptance.conftest import set_up
from tests.conftest import Start
from tests.fakes.mapi import FakeMapi
from tests.fakes.smtp_server import ScriptedSmtp
from tests.ports import wait_until
from tests.running import SHORT, RunningServer
from trackkit.client import Server
from trackkit.domain.errors import InvalidInput

MESSAGE = b"Subject: x\r\nBcc: hidden@b.test\r\n\r\nbody\r\n"
CANARY = "kAnArY-m4pi-pa55"


@dataclass
class Place:
    """A server, the folder it may put mail into, and its mail program."""

    server: RunningServer
    folder: Path
    mapi: FakeMapi

    @property
    def admin(self) -> Server:
        return self.server.admin

    def causes(self) -> dict[str, int]:
        return {cause.diagnosis.cause: cause.messages for cause in self.admin.mail.summary().causes}

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml"))


@pytest.fixture(scope="module")
def place(start_for_module: Start, tmp_path_factory: pytest.TempPathFactory) -> Place:
    mapi = FakeMapi(tmp_path_factory.mktemp("mapi"))
    data, root = Path(tempfile.mkdtemp(prefix=SHORT)) / "data", tmp_path_factory.mktemp("root")
    (root / "pickup").mkdir()
    set_up(data, pickup_roots=str(root), mapi_library=mapi.library)
    return Place(start_for_module(data), root / "pickup", mapi)


@pytest.mark.spec("7: pickup folder: a method for Internet mail: each mail one whole file, and its line of history")
@pytest.mark.spec("7: pickup folder: vanished, full, without rights, a file, a link outside: a temporary outcome")
@pytest.mark.spec("7: pickup folder: only below folders that the server machine names, never in the server's own data")
@pytest.mark.spec("7: pickup folder: blind copies and a message's own words change no envelope")
def test_mail_goes_into_the_folder_and_waits_while_it_is_away(place: Place) -> None:
    for path in ("/etc", str(place.server.data / "backups"), str(place.folder.parent.parent), "\\\\server\\share\\x"):
        with pytest.raises(InvalidInput) as refused:
            place.admin.options.set({"sending.method": "pickup", "sending.pickup.folder": path})
        assert [problem.field for problem in refused.value.problems] == ["sending.pickup.folder"]
    place.admin.options.set({"sending.method": "pickup", "sending.pickup.folder": str(place.folder)})
    queue_id = place.admin.mail.submit(MESSAGE, sender="a@a.test", recipients=["b@b.test", "hidden@b.test"]).queue_id
    [file] = wait_until(place.files, what="the file")
    assert file.read_bytes() == (
        b"X-Sender: a@a.test\r\nX-Receiver: b@b.test\r\nX-Receiver: hidden@b.test\r\nSubject: x\r\n\r\nbody\r\n"
    )
    lines = wait_until(lambda: place.admin.mail.history().sent, what="the history")
    assert {line.queue_id for line in lines} == {queue_id}
    assert {line.reply for line in lines} == {f"250 handed to {place.folder} as {file.name}"}
    assert {line.host for line in lines} == {f"the pickup folder {place.folder}"}
    place.folder.rename(place.folder.with_name("away"))
    waiting = place.admin.mail.submit(MESSAGE, sender="", recipients=["b@b.test"]).queue_id
    wait_until(lambda: place.causes() == {"pickup_folder": 1}, what="the diagnosis")
    shown = place.admin.mail.show(waiting)
    assert (shown.message.diagnosis.option, "is not there" in shown.message.diagnosis.words) == (
        "sending.pickup.folder",
        True,
    )
    assert "is not there" in shown.conversation
    found = [f for f in place.admin.health().findings if f.option == "sending.pickup.folder"]
    assert any("cannot be used" in finding.words for finding in found)
    place.folder.mkdir()
    place.admin.mail.reattempt(waiting)
    wait_until(lambda: len(place.files()) == 1, what="the mail once the folder is there again")
    assert place.admin.mail.list().total == 0


@pytest.mark.spec("5: mail type Internet or MAPI for each recipient: each goes its own way")
@pytest.mark.spec("7: MAPI: Simple MAPI's calls with profile and password, proven against a library with the same ABI")
@pytest.mark.spec("7: MAPI: a pause of its own")
@pytest.mark.spec("7: MAPI: choosing it warns that its prompts hinder automation and recommends SMTP")
def test_mapi_recipients_go_by_mapi_and_the_password_is_nowhere(place: Place) -> None:
    with ScriptedSmtp() as host:
        state = place.admin.options.set(
            {
                "sending.method": "smtp",
                "sending.smtp.host": "127.0.0.1",
                "sending.smtp.port": host.port,
                "sending.mapi.enabled": True,
                "sending.mapi.profile": "Post",
                "sending.mapi.password": SecretStr(CANARY),
            }
        )
        assert any("SMTP is recommended" in warning for warning in state.warnings)
        place.mapi.says("unknown", "Nobody")
        submitted = place.admin.mail.submit(
            MESSAGE, sender="a@a.test", recipients="b@b.test", mapi_recipients=["Bill Jones", "Nobody"]
        )
        wait_until(lambda: place.causes().get("mapi_recipient"), what="the diagnosis")
        wait_until(lambda: [message.rcpt_tos for message in host.messages if message.mail_from] == [("b@b.test",)])
    assert [sent.recipients for sent in place.mapi.sent] == [[(3, "Bill Jones", "")]]
    assert place.mapi.logins == [("Post", CANARY)]
    shown = {recipient.address: recipient for recipient in place.admin.mail.show(submitted.queue_id).recipients}
    assert {address: one.mail_type for address, one in shown.items()} == {
        "b@b.test": "internet",
        "Bill Jones": "mapi",
        "Nobody": "mapi",
    }
    place.admin.options.set({"sending.mapi.paused": True})
    place.admin.mail.submit(MESSAGE, sender="", mapi_recipients="Bill Jones")
    wait_until(lambda: place.causes().get("mapi_paused"), what="the pause's diagnosis")
    assert any("MAPI is paused" in finding.words for finding in place.admin.health().findings)
    assert CANARY not in place.admin.options.export()
    kept = [file for file in place.server.data.rglob("*") if file.is_file() and not file.is_socket()]
    assert not [file for file in kept if CANARY.encode() in file.read_bytes()]
    assert CANARY not in place.server.stderr
