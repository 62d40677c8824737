"""The set-up of a project's e-mail: settings, the eight steps, templates, rules, letters, probes; nothing is sent out,
since sending is paused.
"""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.acceptance.conftest import PASSWORD, House
from tests.command_line import CommandLine
from tests.fakes.pop3_mailbox import PASSWORD as MAILBOX_PASSWORD
from tests.fakes.pop3_mailbox import Box, MailboxHost
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.project.commands import ADMINISTRATORS, COMMANDS
from trackkit.domain.tracking.carriers import untagged

TEMPLATES = "8: templates: standard ones, custom ones; sandboxed; a preview with a real record; an error names the line"
RULES = "8: notification rules: on created, changed, assigned, status, overdue; to whom, template, tracked or not"
ANA, DESK = "ana@people.example", "desk@people.example"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[MailboxHost]:
    with MailboxHost() as host:
        host.boxes |= {"shop": Box(), "nobody": Box()}
        yield host


@pytest.fixture(scope="module")
def database(house: House) -> str:
    """A project of which nothing is set up, with a user who has an address and one who has none."""
    name = house.make("shop", solosubmit=True, sending=False)
    with house.project(name) as keeper:
        keeper.edit("user", "administrator", {"email": "keeper@people.example"})
        keeper.add("user", name="ana", full_name="Ana Lopes", email=ANA, groups=[ADMINISTRATORS])
        keeper.add("user", name="nemo")
        keeper.add("defect", title="It stops")
    return name


@pytest.fixture
def command(house: House, database: str, tmp_path: Path) -> CommandLine:
    return CommandLine(
        tmp_path,
        {
            "TRACKKIT_DATA": str(house.server.data),
            "MAILBOX": MAILBOX_PASSWORD,
            "TRACKKIT_PROJECT_DATABASE": database,
            "TRACKKIT_PROJECT_USERNAME": "administrator",
            "TRACKKIT_PROJECT_PASSWORD": PASSWORD,
        },
    )


def queued(house: House, subject: str) -> list[tuple[str, str, bytes]]:
    """Envelope sender, recipients and bytes of the messages in the queue with that subject."""
    admin = house.admin
    found = []
    for message in reversed(admin.mail.list().messages):
        if untagged(message.subject) == subject:
            to = ", ".join(one.address for one in admin.mail.show(message.queue_id).recipients)
            found.append((message.sender, to, admin.mail.raw(message.queue_id)))
    return found


@pytest.mark.spec("8: tracking check walks the eight steps for a project and says what is missing")
@pytest.mark.spec("8: a project has e-mail settings of its own and inherits the mailbox it does not set")
def test_the_eight_steps(house: House, database: str, mailbox: MailboxHost, command: CommandLine) -> None:
    admin = house.admin

    def missing() -> list[int]:
        return [step.number for step in admin.tracking.check(database).steps if not step.done]

    assert missing() == [1, 2, 3, 4, 5, 6, 8]
    shown = command("tracking", "check", database, exit_code=1)
    assert "nemo: is empty" in shown
    assert "tracking.enabled" in shown
    admin.options.set(
        {
            "sending.smtp.host": "127.0.0.1",
            "tracking.enabled": True,
            "tracking.host": "127.0.0.1",
            "tracking.port": mailbox.port,
            "tracking.encryption": "none",
            "tracking.username": "nobody",
            "tracking.password": "of the server",
            "tracking.address": "track@mail.example",
            "tracking.subaddressing": True,
            "tracking.poll_interval": 86_400,
        }
    )
    admin.databases.edit(database, {"sending": True})
    shown = command(
        *("tracking", "set", database, "tracking=yes", f"notification_address={DESK}", "notification_name=Help desk"),
        *("mailbox.username=shop", "mailbox.password=env:MAILBOX"),
    )
    assert "Help desk" in shown
    assert "127.0.0.1 (the server's)" in shown
    assert MAILBOX_PASSWORD not in shown + command("tracking", "settings", database, "--json")
    with house.project(database) as keeper:
        keeper.edit("user", "nemo", {"active": False})
        keeper.edit("group", ADMINISTRATORS, {"commands": list(COMMANDS)})
    assert missing() == []
    assert "done" in command("tracking", "check", database)
    with pytest.raises(InvalidInput, match="tracking address"):
        admin.tracking.set(database, {"notification_address": "track+x@mail.example"})
    with pytest.raises(Conflict, match="changed by somebody else"):
        admin.tracking.set(database, {"letter": True}, revision=0)
    admin.options.set({"sending.paused": True})
    assert missing() == [1]


@pytest.mark.spec(
    "8: templates: standard ones, custom ones; sandboxed; a preview with a real record; an error names the line"
)
def test_templates_are_tried_out_before_they_are_used(house: House, database: str, command: CommandLine) -> None:
    with house.project(database) as project:
        seen = project.mail.preview("{{ record.kind }} {{ record.number }}", "By {{ user.name }}\n")
        assert (seen.record, seen.subject, seen.text, seen.problems) == (
            "defect 1",
            "defect 1",
            "By administrator\n",
            (),
        )
        assert {"record.title", "project.name", "user.email", "server.name"} <= set(seen.names)
        (fault,) = project.mail.preview("", "one\n{{ ''.__class__.__mro__ }}").problems
        assert (fault.field, fault.line) == ("body", 2)
        with pytest.raises(InvalidInput) as refused:
            project.add("template", name="Bad", body="one\ntwo\n{% for x in record.title %}{% endfor %}")
        (problem,) = refused.value.problems
        assert (problem.field, problem.message) == ("body", "line 3: there are no loops in templates")
        project.add("template", name="Ours", subject="About {{ record.title }}", body="{{ record.status | upper }}\n")
        sent = project.mail.send("defect 1", [ANA], template="Ours")
        assert (sent.subject, sent.beginning) == ("About It stops", "NEW")
    assert command("project", "template", "preview", "Ours") == "Subject: About It stops\n\nNEW\n\n"
    assert "New: Defect 1: It stops" in command("project", "template", "preview", "Created")
    faulty = command.run("project", "template", "preview", "--subject", "{{ nothing }}")
    assert faulty.returncode == 1
    assert "subject, line 1: there is no nothing" in faulty.stderr


@pytest.mark.spec(RULES)
def test_rules_tell_whom_they_name(house: House, database: str) -> None:
    with house.project(database) as project:
        for event in ("created", "status", "changed"):
            project.add("rule", name=event, event=event, recipients=["ana"])
        project.add("rule", name="assigned", event="assigned", recipients=["owner"], tracked=True)
        project.add("defect", title="Rules")
        project.edit("defect", "2", {"owner": "ana"})
        project.edit("defect", "2", {"status": "open"})
        project.edit("defect", "2", {"priority": "high"})
        (mail,) = project.mail.list("defect 2").items
        assert (mail.origin, mail.tracked, mail.sender) == ("notification", True, DESK)
    for subject in ("New: Defect 2: Rules", "Defect 2 is open: Rules", "Changed: Defect 2: Rules"):
        assert [found[:2] for found in queued(house, subject)] == [(DESK, ANA)]
    ((sender, to, raw),) = queued(house, "Assigned to you: Defect 2: Rules")
    assert (sender.partition("+")[0], to) == ("track", ANA)
    message = message_from_bytes(raw)
    assert (message["From"], message["Reply-To"]) == (f"Help desk <{DESK}>", sender)


@pytest.mark.spec("8: automatic letter for a submitted defect, one a sender and window")
def test_who_submits_a_defect_gets_one_letter(house: House, database: str) -> None:
    house.admin.tracking.set(database, {"letter": True})
    with house.project(database) as project:
        before = project.list("defect").total
        for number in (1, 2):
            house.admin.submit_defect(database, f"Submitted {number}", "It stops.", email="visitor@elsewhere.example")
        house.admin.submit_defect(database, "Submitted 3", "It stops.", email="noreply@elsewhere.example")
        house.admin.tracking.set(database, {"mailbox.address": "own@mail.example"})
        for number, tracked in enumerate(("own@mail.example", "Track+x@mail.example"), 4):
            house.admin.submit_defect(database, f"Submitted {number}", "It stops.", email=tracked)
        house.admin.tracking.set(database, {"mailbox.address": None})
        assert project.list("defect").total == before + 5
    ((sender, to, raw),) = queued(house, f"We have received your message (defect {before + 1})")
    assert (sender, to) == ("", "visitor@elsewhere.example")
    assert not any(queued(house, f"We have received your message (defect {before + number})") for number in range(2, 6))
    assert message_from_bytes(raw)["Auto-Submitted"] == "auto-generated"


@pytest.mark.spec("13: dead-man's switch: a probe mail goes out and comes back")
def test_a_probe_goes_out_and_comes_back(
    house: House, database: str, mailbox: MailboxHost, command: CommandLine
) -> None:
    tracking = house.admin.tracking
    said = command("tracking", "round-trip", "--database", database)
    (trip,) = tracking.status().round_trips
    assert trip.queue_id in said
    assert trip.returned_at is None
    message = house.admin.mail.show(trip.queue_id)
    assert ([one.address for one in message.recipients], message.message.sender) == (["track@mail.example"], "")
    house.sql(f"UPDATE round_trips SET sent_at = sent_at - {3 * 3600 * 1_000_000}")
    missing = [finding for finding in house.admin.health().findings if finding.subject.startswith("round trip")]
    assert [trip.queue_id in finding.words for finding in missing] == [True]
    mailbox.boxes["shop"].messages.append(house.admin.mail.raw(trip.queue_id))
    tracking.poll(database)
    (trip,) = tracking.status().round_trips
    assert trip.returned_at is not None
    assert mailbox.boxes["shop"].messages == []


@pytest.mark.spec("13: dead-man's switch: age of the oldest unfetched mail")
def test_the_age_of_the_oldest_mail_that_cannot_be_fetched(
    house: House, database: str, mailbox: MailboxHost, command: CommandLine
) -> None:
    admin = house.admin
    mailbox.boxes["stuck"] = stuck = Box([b"Subject: x\r\n\r\nx\r\n"], refuses={"RETR": "-ERR the disk is broken"})
    values = {"host": "127.0.0.1", "port": mailbox.port, "encryption": "none", "username": "stuck"}
    values |= {"enabled": True, "password": MAILBOX_PASSWORD, "address": "track@people.example"}
    admin.options.set({f"tracking.{name}": value for name, value in {**values, "poll_interval": 86_400}.items()})
    key = f"stuck@127.0.0.1:{mailbox.port}"

    def findings() -> list[str]:
        return [one.words for one in admin.health().findings if one.subject == f"mailbox {key}"]

    admin.tracking.poll()
    (one,) = [box for box in admin.tracking.status().mailboxes if box.mailbox == key]
    assert (one.waiting, one.failing_since) == (1, None)
    assert findings() == []
    house.sql(f"UPDATE mailboxes SET waiting_since = waiting_since - 7200000000 WHERE mailbox = '{key}'")
    assert findings() == [f"1 message in {key} could not be fetched, the oldest for 2 h."]
    assert "the oldest for 2 h" in command("doctor")
    stuck.refuses = {}
    admin.tracking.poll()
    assert findings() == []
