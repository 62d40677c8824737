"""E-mail about records, through the client and the command line: who may what, what goes out, what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.acceptance.conftest import House
from tests.command_line import CommandLine
from trackkit.client.project import Project
from trackkit.contract.project_mail import EmailView
from trackkit.domain.errors import Conflict, ImportRefused, InvalidInput, NotAllowed, NotFound
from trackkit.domain.project.commands import COMMANDS, MAIL_VERBS, MailVerb, command
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.tracking.cookie import PREFIX

TRACKING = "tracker@mail.example"
SERVER = {
    "sending.smtp.host": "127.0.0.1",
    "sending.paused": True,
    "tracking.enabled": True,
    "tracking.host": "127.0.0.1",
    "tracking.port": 9,
    "tracking.username": "tracker",
    "tracking.password": "secret of the mailbox",
    "tracking.address": TRACKING,
    "tracking.subaddressing": True,
    "tracking.poll_interval": 86_400,
}
USER, USER_PASSWORD = "ada", "correct horse battery"


@pytest.fixture(scope="module")
def database(house: House) -> str:
    """A project that tracks, with a record of each kind; mail stays in the queue, since sending is paused."""
    house.admin.options.set(SERVER)
    name = house.make("mail")
    house.admin.tracking.set(name, {"tracking": True})
    with house.project(name) as keeper:
        keeper.add("group", name="Mailers", commands=list(COMMANDS))
        keeper.add(
            "user",
            name=USER,
            full_name="Ada Lovelace",
            email="ada@people.example",
            groups=["Mailers"],
            password=USER_PASSWORD,
        )
        keeper.add("user", name="Nemo", full_name="No Address")
        keeper.add("customer", name="Café Äther", email="hallo@aether.example")
        keeper.add("customer", name="Nemo", email="nemo@elsewhere.example")
        keeper.add("customer", name="Silent")
        for kind in RECORD_KINDS:
            keeper.add(kind, title=f"A {kind}")
    return name


@pytest.fixture
def ada(house: House, database: str) -> Iterator[Project]:
    """May everything about e-mail."""
    with house.project(database) as keeper:
        keeper.edit("group", "Mailers", {"commands": list(COMMANDS)})
    with house.project(database, USER, USER_PASSWORD) as project:
        yield project


def verbs(project: Project, mails: dict[Kind, EmailView]) -> dict[MailVerb, Callable[[Kind], object]]:
    """What each command allows, of a kind of record."""
    mail = project.mail
    return {
        "send_mail": lambda kind: mail.send(f"{kind} 1", ["x@people.example"], "Hello", "text"),
        "reply_to_mail": lambda kind: mail.reply(mails[kind].number, "text"),
        "view_mail": lambda kind: (mail.list(f"{kind} 1"), mail.show(mails[kind].number), mail.raw(mails[kind].number)),
        "delete_mail": lambda kind: mail.delete(mails[kind].number),
    }


@pytest.mark.spec("8: commands by security group and record type: send, reply to, view, delete tracked e-mail")
def test_each_command_allows_its_verb_for_its_kind_of_record_and_nothing_else(
    house: House, database: str, ada: Project
) -> None:
    """Five kinds, four verbs: with the command, with the other commands of the kind, with that of another kind."""
    kept, doomed = (
        {kind: ada.mail.send(f"{kind} 1", ["x@people.example"], "Hello", "text") for kind in RECORD_KINDS}
        for _ in range(2)
    )
    refused, allowed = verbs(ada, kept), verbs(ada, doomed)
    with house.project(database) as keeper:
        for kind in RECORD_KINDS:
            for verb in MAIL_VERBS:
                keeper.edit("group", "Mailers", {"commands": [command(kind, verb)]})
                for other in MAIL_VERBS:
                    if other != verb:
                        with pytest.raises(NotAllowed, match=re.escape(command(kind, other))):
                            refused[other](kind)
                for elsewhere in RECORD_KINDS:
                    if elsewhere != kind:
                        with pytest.raises(NotAllowed, match=re.escape(command(elsewhere, verb))):
                            refused[verb](elsewhere)
                allowed[verb](kind)
                if verb == "view_mail":  # a list of all holds only what may be viewed
                    assert {mail.record for mail in ada.mail.list().items} == {f"{kind} 1"}
                else:
                    with pytest.raises(NotAllowed):
                        ada.mail.list()
        keeper.edit("group", "Mailers", {"commands": [name for name in COMMANDS if not name.endswith("_mail")]})
        for kind in RECORD_KINDS:
            for verb in MAIL_VERBS:
                with pytest.raises(NotAllowed):
                    refused[verb](kind)


def test_a_request_with_files_may_be_as_long_as_a_mail(house: House, ada: Project) -> None:
    large = ("large.bin", bytes(1_500_000))
    sent = ada.mail.send("defect 1", ["Jo@People.example"], "Large", "See the file.", files=[large])
    answer = ada.mail.reply(sent.number, "Once more.", files=[large])
    raw = ada.mail.raw(answer.number)
    assert len(raw) > len(large[1])
    assert house.admin.tracking.replay(raw).state


@pytest.mark.spec("8: project users send mail from a record, tracked or not")
def test_a_tracked_mail_carries_its_cookie_three_times(house: House, ada: Project) -> None:
    sent = ada.mail.send(
        "defect 1",
        ["Café Äther", "Jo@People.example"],
        "Grüße\r\nBcc: evil@x",
        "Lies das:\n.\nBis bald",
        cc=["ada"],
        files=[("schön.txt", b"\x00bytes")],
    )
    assert (sent.record, sent.direction, sent.user, sent.tracked) == ("defect 1", "sent", USER, True)
    assert [one.address for one in sent.recipients] == [
        "hallo@aether.example",
        "Jo@People.example",
        "ada@people.example",
    ]
    queued = house.admin.mail.show(sent.queue_id).message
    raw = house.admin.mail.raw(sent.queue_id)
    assert raw == ada.mail.raw(sent.number)
    mail = message_from_bytes(raw, policy=policy.default)
    cookies = set(re.findall(rf"{PREFIX}[0-9a-z]+", raw.decode()))
    assert len(cookies) == 1
    (cookie,) = cookies
    back = f"tracker+{cookie}@mail.example"
    assert mail["From"] == "Ada Lovelace <ada@people.example>"
    assert (mail["Reply-To"], queued.sender) == (back, back)
    assert mail["Message-ID"] == f"<{cookie}@mail.example>"
    assert mail["Subject"] == f"Grüße Bcc: evil@x [{cookie}]"
    assert mail["Bcc"] is None
    assert [str(one) for one in mail["To"].addresses] == ["Café Äther <hallo@aether.example>", "Jo@People.example"]
    text, attached = mail.iter_parts()
    assert text.get_content() == "Lies das:\r\n.\r\nBis bald\r\n"
    assert (attached.get_filename(), attached.get_content()) == ("schön.txt", b"\x00bytes")
    shown = ada.mail.show(sent.number)
    (file,) = shown.files
    assert ada.mail.file(sent.number, file.file_id).content == b"\x00bytes"
    assert (shown.text, shown.size) == ("Lies das:\n.\nBis bald", len(raw))
    with pytest.raises(NotFound):
        ada.file(file.file_id)  # it is no file of a record
    with pytest.raises(NotFound):
        ada.mail.file(sent.number + 1, file.file_id)


@pytest.mark.spec("8: project users send mail from a record, tracked or not")
def test_one_that_is_not_tracked_is_between_people(house: House, ada: Project) -> None:
    sent = ada.mail.send("test_case 1", ["x@people.example"], "Hello", "text", tracked=False)
    raw = house.admin.mail.raw(sent.queue_id)
    assert PREFIX.encode() not in raw
    assert TRACKING.encode() not in raw
    assert house.admin.mail.show(sent.queue_id).message.sender == "ada@people.example"
    assert not sent.tracked
    assert [mail.number for mail in ada.mail.list("test_case 1", text="hello").items][-1] == sent.number


@pytest.mark.spec("8: project users send mail from a record, tracked or not")
def test_a_template_stands_where_nothing_is_given(house: House, database: str, ada: Project) -> None:
    ada.add("template", name="Ask", subject="{{ record.title }}?", body="Dear customer,\n{{ user.full_name }} asks.")
    sent = ada.mail.send("defect 1", ["x@people.example"], template="ask")
    assert (sent.subject, ada.mail.show(sent.number).text.split()) == (
        "A defect?",
        ["Dear", "customer,", "Ada", "Lovelace", "asks."],
    )
    assert ada.mail.send("defect 1", ["x@people.example"], "Mine", template="Ask").subject == "Mine"
    with pytest.raises(NotFound):
        ada.mail.send("defect 1", ["x@people.example"], template="No such template")
    with house.project(database) as keeper:  # what it would tell, one must be allowed to view
        keeper.edit("group", "Mailers", {"commands": ["defect.send_mail"]})
        with pytest.raises(NotAllowed, match=r"defect\.view"):
            ada.mail.send("defect 1", ["x@people.example"], template="Ask")


@pytest.mark.spec("8: project users send mail from a record, tracked or not")
def test_an_answer_stands_in_its_thread(house: House, ada: Project) -> None:
    first = ada.mail.send("requirement 1", ["x@people.example"], "Question", "Which one?")
    second = ada.mail.reply(first.number, "The blue one.")
    third = ada.mail.reply(second.number, "No, the red one.", to=["Café Äther"])
    raw = message_from_bytes(house.admin.mail.raw(third.queue_id), policy=policy.default)
    ids = [ada.mail.show(mail.number).message_id for mail in (first, second)]
    assert raw["References"].split() == ids
    assert raw["In-Reply-To"] == ids[1]
    assert raw["Subject"].startswith("Re: Question [")
    assert [one.address for one in third.recipients] == ["hallo@aether.example"]
    assert [one.address for one in second.recipients] == ["x@people.example"]
    assert ada.mail.show(first.number).replies == (second.number,)
    ada.mail.delete(first.number)
    assert ada.mail.show(second.number).email.answers is None
    for ask in (ada.mail.show, ada.mail.raw, ada.mail.delete, lambda number: ada.mail.reply(number, "x")):
        with pytest.raises(NotFound):
            ask(first.number)


@pytest.mark.spec("8: a send by or to a user without a valid address is refused, naming the user")
def test_nobody_without_an_address_and_no_tracking_address(house: House, database: str, ada: Project) -> None:
    before = ada.mail.list().total
    for to, words in (
        (["Silent"], "customer Silent has no valid e-mail address"),
        (["Nemo"], "user and a customer"),
        (["Nobody"], "nobody in this project"),
        (["a@b@c"], "before the @"),
        ([f"TRACKER+{PREFIX}abc@mail.example"], "tracking address"),
        ([], "needs somebody"),
        (["x@people.example\r\nBcc: y@z"], "line break"),
    ):
        with pytest.raises(InvalidInput, match=words):
            ada.mail.send("defect 1", to, "Hello", "text")
    for wrong in ("defect", "defect x", "customer 1", "1"):
        with pytest.raises(InvalidInput):
            ada.mail.send(wrong, ["x@people.example"], "Hello", "text")
    with pytest.raises(NotFound):
        ada.mail.send("defect 999", ["x@people.example"], "Hello", "text")
    with pytest.raises(InvalidInput, match="subject"):
        ada.mail.send("defect 1", ["x@people.example"], "", "text")
    with house.project(database) as keeper:
        keeper.edit("user", USER, {"email": ""})
        with pytest.raises(InvalidInput, match=f"user {USER} has no valid e-mail address"):
            ada.mail.send("defect 1", ["x@people.example"], "Hello", "text")
        keeper.edit("user", USER, {"email": "ada@people.example"})
        with pytest.raises(InvalidInput, match="tracking address"):
            keeper.edit("user", USER, {"email": "tracker+x@Mail.example"})
        with pytest.raises(InvalidInput, match="tracking address"):
            keeper.add("user", name="Loop", email=TRACKING)
        with pytest.raises(ImportRefused, match="tracking address"):
            keeper.import_rows("user", ["name", "email"], [["Loop", TRACKING]]).wait()
    assert ada.mail.list().total == before


@pytest.mark.spec("7: MAPI: not together with e-mail tracking")
def test_what_is_not_set_up_is_said(house: House, database: str, ada: Project) -> None:
    def refused(words: str, *, tracked: bool = True) -> None:
        with pytest.raises(Conflict, match=words):
            ada.mail.send("defect 1", ["x@people.example"], "Hello", "text", tracked=tracked)

    admin, before = house.admin, ada.mail.list().total
    admin.tracking.set(database, {"tracking": False})
    refused("tracking is off for")
    admin.options.set({"tracking.enabled": False})
    refused("off for the server")
    admin.options.set({"tracking.enabled": True})
    admin.tracking.set(database, {"tracking": True})
    admin.databases.edit(database, {"sending": False})
    refused("may not send", tracked=False)
    admin.databases.edit(database, {"sending": True})
    admin.options.set({"sending.smtp.host": None})
    refused("no mail host", tracked=False)
    with pytest.raises(InvalidInput, match="MAPI"):
        admin.options.set({"sending.mapi.enabled": True})
    admin.options.set({"sending.smtp.host": "127.0.0.1"})
    assert ada.mail.list().total == before
    assert ada.mail.send("defect 1", ["x@people.example"], "Hello", "text").queue_id


@pytest.mark.spec("8: commands by security group and record type: send, reply to, view, delete tracked e-mail")
def test_items_and_e_mails_are_not_mixed(ada: Project) -> None:
    for ask in (
        lambda: ada.list("tracked_email"),
        lambda: ada.show("tracked_email", "1"),
        lambda: ada.add("tracked_email", record="defect 1"),
        lambda: ada.edit("tracked_email", "1", {"text": "another"}),
        lambda: ada.delete("tracked_email", "1"),
        lambda: ada.import_rows("tracked_email", ["record"], [["defect 1"]]),
        lambda: ada.files("tracked_email", "1"),
    ):
        with pytest.raises(InvalidInput, match="kind"):
            ask()


@pytest.mark.spec("8: project users send mail from a record, tracked or not")
def test_the_command_line_sends_shows_answers_and_deletes(
    house: House, database: str, ada: Project, tmp_path: Path
) -> None:
    run = CommandLine(
        tmp_path,
        {
            "TRACKKIT_DATA": str(house.server.data),
            "TRACKKIT_PROJECT_DATABASE": database,
            "TRACKKIT_PROJECT_USERNAME": USER,
            "TRACKKIT_PROJECT_PASSWORD": USER_PASSWORD,
        },
    )
    text = tmp_path / "text.txt"
    text.write_text("Which printer?\n")
    said = run("project", "mail", "send", "defect 1", "--to", "Café Äther", "--subject", "Printer", "--file", str(text))
    number = re.search(r"Sent e-mail (\d+) about defect 1 to hallo@aether.example, in the queue as Q", str(said))
    assert number
    shown = str(run("project", "mail", "show", number[1]))
    assert "Which printer?" in shown
    assert "Café Äther" not in shown
    answered = str(run("project", "mail", "reply", number[1], "--file", str(text), "--attach", str(text)))
    assert "Sent e-mail" in answered
    assert "Re: Printer" in str(run("project", "mail", "list", "defect 1"))
    saved = tmp_path / "mail.eml"
    run("project", "mail", "raw", number[1], str(saved))
    assert saved.read_bytes() == ada.mail.raw(int(number[1]))
    run("project", "mail", "delete", number[1], "--yes")
    with pytest.raises(NotFound):
        ada.mail.show(int(number[1]))
