"""Inbound replay and the quarantine: every rule's verdict, deciding anew, filing by hand, keys that are replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import House
from tests.command_line import CommandLine
from tests.fakes.pop3_mailbox import PASSWORD, Box, MailboxHost
from tests.peers import answering
from trackkit.contract.inbox import InboxMail
from trackkit.domain.errors import Conflict, InvalidInput, NotFound
from trackkit.domain.project.commands import COMMANDS
from trackkit.domain.project.kind import Kind
from trackkit.domain.tracking import cookie
from trackkit.domain.tracking.cookie import Keys, Tracked

TRACKING, CARL = "track@mail.example", "carl@customer.example"


class Office:
    """A project that tracks, the mailbox it tracks with, and an e-mail that went out about defect 1."""

    def __init__(self, house: House, host: MailboxHost) -> None:
        self.house, self.box = house, host.boxes.setdefault("track", Box())
        self.tracking = house.admin.tracking
        house.admin.options.set(
            {
                "sending.smtp.host": "127.0.0.1",
                "sending.paused": True,
                "tracking.enabled": True,
                "tracking.host": "127.0.0.1",
                "tracking.port": host.port,
                "tracking.encryption": "none",
                "tracking.username": "track",
                "tracking.password": PASSWORD,
                "tracking.address": TRACKING,
                "tracking.poll_interval": 86_400,
            }
        )
        self.database = house.make("replay")
        self.tracking.set(self.database, {"tracking": True})
        with house.project(self.database) as keeper:
            keeper.add("group", name="Mailers", commands=list(COMMANDS))
            groups = ["Administrators", "Mailers"]
            keeper.edit("user", "administrator", {"email": "ada@people.example", "groups": groups})
            for title in ("It leaks", "It whistles"):
                keeper.add("defect", title=title)
        with house.project(self.database) as project:
            self.sent = project.mail.raw(project.mail.send("defect 1", [CARL], "Does it leak?", "Does it?").number)

    def comes_in(self, *mails: bytes) -> list[InboxMail]:
        """Put mails into the mailbox and fetch them; the newest first."""
        self.box.messages += mails
        self.tracking.poll()
        return list(self.tracking.inbox(limit=len(mails)).items)

    def conversation(self, record: str = "defect 1") -> list[str]:
        with self.house.project(self.database) as project:
            return [one.beginning for one in project.mail.list(record).items if one.direction == "received"]


@pytest.fixture(scope="module")
def office(house: House) -> Iterator[Office]:
    with MailboxHost() as host:
        yield Office(house, host)
        house.admin.options.set({"tracking.enabled": False})


def forged(mail: bytes) -> bytes:
    """With cookies of this server that it has not signed."""
    return re.sub(rb"(tk1[0-9a-z]+)([0-9a-z]{6})([0-9a-z])(?=[@\]>])", lambda m: m[1] + m[2][::-1] + m[3], mail)


@pytest.mark.spec("13: inbound replay: every rule's verdict of a mail, the text that is kept and cut; fix, reprocess")
def test_a_replay_says_what_the_import_does_and_changes_nothing(office: Office) -> None:
    answer = answering.top(office.sent, CARL, "It leaks at the seal.")
    before = office.tracking.replay(answer)
    assert (before.state, before.rule, before.record, before.email) == ("attached", "filed", "defect 1", 1)
    assert (before.author, before.standing, before.kind) == (CARL, "known", "human")
    assert "".join(piece.text for piece in before.pieces if piece.kept).strip() == "It leaks at the seal."
    assert any("Does it?" in piece.text for piece in before.pieces if not piece.kept)
    assert [one.rule for one in before.rules if one.decides] == ["filed"]
    assert (
        next(one.words for one in before.rules if one.rule == "forward")
        == "To Project administrator <ada@people.example>."
    )
    assert office.conversation() == []
    (row,) = office.comes_in(answer)
    assert (row.state, row.rule, row.record, row.database) == ("attached", "filed", "defect 1", office.database)
    assert office.conversation() == ["It leaks at the seal."]
    assert office.tracking.replay(answer, office.database).state == "duplicate"


@pytest.mark.spec("13: inbound replay: every rule's verdict of a mail, the text that is kept and cut; fix, reprocess")
@pytest.mark.spec("8: a forged cookie: quarantined, Unusual Activity; another server's: left alone")
def test_a_forged_mail_is_explained_then_filed_by_hand(office: Office) -> None:
    raw = forged(answering.top(office.sent, "eve@elsewhere.example", "Let me in."))
    (row,) = office.comes_in(raw)
    assert row.state == "quarantined"
    noted = office.house.admin.log.list(level="unusual_activity", match="only", limit=1).entries[0]
    assert (noted.source, str(row.inbox_id) in noted.message) == ("tracking", True)
    stranger = cookie.make(Tracked("p", Kind.defect, 1, 1, 1), Keys(0, {0: b"k" * 32}), "another server")
    (foreign,) = office.comes_in(re.sub(rb"tk1[0-9a-z]+", stranger.encode(), raw))
    assert (foreign.state, "another server" in foreign.reason) == ("untracked", True)
    assert row in office.tracking.quarantine()
    why = office.tracking.replay(row.inbox_id)
    assert (why.state, why.rule, why.reason) == ("quarantined", "cookie", row.reason)
    assert "has not signed" in why.reason
    assert "reprocess" in why.advice
    assert office.tracking.reprocess(row.inbox_id).state == "quarantined", "decided anew, nothing has changed"
    for record, error in (("defect 77", NotFound), ("customer 1", InvalidInput), ("nonsense", InvalidInput)):
        with pytest.raises(error):
            office.tracking.reprocess(row.inbox_id, office.database, record)
    filed = office.tracking.reprocess(row.inbox_id, office.database, "defect 2")
    assert (filed.state, filed.record, filed.kept) == ("attached", "defect 2", False)
    assert office.conversation("defect 2") == ["Let me in."]
    with office.house.project(office.database) as project:
        (email,) = project.mail.list("defect 2").items
        assert (email.standing, project.mail.raw(email.number)) == ("unknown", raw)
    with pytest.raises(Conflict, match="attached"):
        office.tracking.reprocess(row.inbox_id)


PAGE = b"""\
MIME-Version: 1.0
Content-Type: text/html

<p onclick="x()">It <b>leaks</b><img src="https://spy.example/x.gif"><script>x()</script></p>
"""


@pytest.mark.spec("8: HTML is made safe")
@pytest.mark.spec("8: automatic letter for a mail that came, one a sender and window, never to a program")
def test_html_is_shown_safe_and_its_author_gets_one_letter(office: Office) -> None:
    """Two mails of a customer, and one of a program that does not want an answer."""
    office.tracking.set(office.database, {"letter": True, "notification_address": "desk@people.example"})
    message_id = str(answering.read(office.sent)["Message-ID"]).encode()
    head = b"From: dora@customer.example\nTo: track@mail.example\nSubject: Re: it\nIn-Reply-To: " + message_id + b"\n"
    program = head.replace(b"dora@", b"robot@") + b"Auto-Submitted: auto-replied\n"
    office.comes_in(
        *(lines.replace(b"\n", b"\r\n") for lines in (head + PAGE, head + b"Date: now\n" + PAGE, program + PAGE))
    )
    with office.house.project(office.database) as project:
        emails = project.mail.list("defect 1").items
        letters = [one for one in emails if one.origin == "letter"]
        received = [project.mail.show(one.number) for one in emails if one.sender == "dora@customer.example"]
    assert [one.html for one in received] == ["<p>It <b>leaks</b><img></p>"] * 2
    assert [to.address for one in letters for to in one.recipients] == ["dora@customer.example"]
    assert office.house.admin.mail.show(letters[0].queue_id).message.sender == "", "nothing may answer it"


def test_tracking_switched_off_is_mended_and_reprocessed(office: Office) -> None:
    office.tracking.set(office.database, {"tracking": False})
    # Nobody tracks with the account while that is off; the server still fetches from its own.
    (row,) = office.comes_in(answering.top(office.sent, CARL, "While it was off."))
    assert (row.state, row.rule) == ("quarantined", "project")
    office.tracking.set(office.database, {"tracking": True})
    assert office.tracking.reprocess(row.inbox_id).state == "attached"
    assert "While it was off." in office.conversation()


@pytest.mark.spec("8: cookies are signed; after a rotation those of former keys are taken")
def test_former_keys_are_taken_after_a_rotation(office: Office) -> None:
    key = office.tracking.status().key_id
    assert office.tracking.rotate_key().key_id == key + 1
    (row,) = office.comes_in(answering.top(office.sent, CARL, "Signed with the former key."))
    assert row.state == "attached"
    with office.house.project(office.database) as project:
        new = project.mail.raw(project.mail.send("defect 1", [CARL], "And now?", "Well?").number)
    (row,) = office.comes_in(answering.top(new, CARL, "Signed with the new key."))
    assert row.state == "attached"


def test_the_quarantine_on_the_command_line(office: Office, tmp_path: Path) -> None:
    command = CommandLine(tmp_path, {"TRACKKIT_DATA": str(office.house.server.data)})
    mails = [forged(answering.top(office.sent, CARL, f"By command {number}")) for number in range(2)]
    second, first = office.comes_in(*mails)
    listed = json.loads(command("tracking", "quarantine", "--json"))
    assert [one["inbox_id"] for one in listed][:2] == [second.inbox_id, first.inbox_id]
    file = tmp_path / "mail.eml"
    file.write_bytes(mails[0])
    for which in (str(file), str(first.inbox_id)):
        shown = command("tracking", "replay", which)
        assert "It would be quarantined" in shown
        assert "Kept:" in shown
        assert "By command 0" in shown
    by_hand = ("--database", office.database, "--record", "defect 2")
    shown = command("tracking", "reprocess", str(first.inbox_id), *by_hand)
    assert f"Mail {first.inbox_id} is attached with defect 2" in shown
    assert "1 mail discarded." in command("tracking", "discard", str(second.inbox_id), "--yes")
    assert "Cookies are signed with key" in command("tracking", "rotate-key", "--yes")
