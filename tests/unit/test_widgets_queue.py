"""The queue's view against a real server: verbs for all that match, correcting an address, sent mail."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.conftest import Start
from tests.fakes.smtp_server import Action, ScriptedSmtp, say
from tests.ports import wait_until
from tests.running import RunningServer
from tests.unit.cli_runs import run
from tests.unit.page_hands import answer, choose
from trackkit.client import Server
from trackkit.client.jobs import RunningJob
from trackkit.client.mail_where import MatchingMail
from trackkit.domain.delivery import State
from trackkit.domain.errors import Conflict, NotFound
from trackkit.widgets import queue_groups
from trackkit.widgets.grid import Sort
from trackkit.widgets.message_detail import MessageView
from trackkit.widgets.problems import Trouble
from trackkit.widgets.queue_panel import QueuePanel
from trackkit.widgets.sent_panel import SentPanel


@pytest.fixture(scope="module")
def host() -> Iterator[ScriptedSmtp]:
    with ScriptedSmtp() as running:
        yield running


@pytest.fixture(scope="module")
def shared(start_for_module: Start, host: ScriptedSmtp) -> RunningServer:
    return start_for_module(options={"sending.smtp.host": "127.0.0.1", "sending.smtp.port": host.port})


@pytest.fixture
def server(shared: RunningServer) -> Server:
    """With an empty queue, and nothing leaves."""
    shared.admin.options.set({"sending.paused": True})
    shared.admin.mail.where().delete().wait()
    return shared.admin


def submit(server: Server, *to: str, subject: str = "x") -> str:
    raw = f"Subject: {subject}\r\nMessage-ID: <{subject}@here.test>\r\n\r\n".encode()
    return server.mail.submit(raw, sender="", recipients=to).queue_id


@pytest.fixture
def panel(server: Server) -> QueuePanel:
    """Held mail for two domains, its cause chosen."""
    for number in range(5):
        submit(server, f"r{number}@{'one' if number < 2 else 'two'}.test")
    server.mail.where().hold().wait()
    panel = QueuePanel(server, Trouble())
    choose(panel.causes, "held")
    return panel


@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
def test_a_verb_for_all_that_match_says_to_how_many_it_applies_and_is_undone_by_the_filter(server: Server) -> None:
    ids = {submit(server, f"r{n}@{'one' if n % 2 else 'two'}.test") for n in range(6)}
    held = submit(server, "held@one.test")
    server.mail.hold(held)
    trouble = Trouble()
    panel = QueuePanel(server, trouble)
    actions = panel.actions
    assert actions.buttons["delete"].disabled
    panel.domain.value = "one.test"
    assert panel.grid.total == 4
    actions.all.value = True
    assert actions.all.description == "All 4 that match"
    actions.buttons["hold"].click()
    assert "server.mail.where(domain='one.test').hold().wait()" in actions.code.code
    assert answer(actions.asking, False).startswith(
        "3 messages (3 queued) will wait until released.\nIt does not apply"
    )
    assert server.mail.summary().states == {State.queued: 6, State.held: 1}
    actions.buttons["delete"].click()
    assert answer(actions.asking, True).startswith("4 messages (3 queued, 1 held) will be deleted")
    assert "4 messages were deleted." in actions.result.value
    assert server.mail.summary().states == {State.queued: 3, State.deleted: 4}
    assert not actions.all.value
    panel.domain.value, panel.older.value = "", 1
    assert panel.grid.total == 0, "nothing is that old"
    assert "older_than=timedelta(seconds=3600)" in actions.code.code
    panel.older.value = 0
    actions.buttons["undelete"].click()
    assert "4 messages were brought back." in actions.result.value
    assert server.mail.summary().states == {State.queued: 6, State.held: 1}
    assert actions.buttons["undelete"].disabled
    panel.state.value = "held"
    actions.all.value = True
    actions.buttons["reattempt"].click()
    assert "applies to none of the 1 message that match" in actions.result.value
    assert {m.queue_id for m in server.mail.each()} == {*ids, held}


def test_an_address_is_corrected_in_the_details(server: Server) -> None:
    queue_id = submit(server, "wrogn@one.test", "other@one.test")
    panel = QueuePanel(server, Trouble())
    detail = panel.detail
    detail.open(queue_id)
    detail.correct.click()
    assert detail.form is not None
    assert detail.form.fields.values == {"address": "wrogn@one.test", "new_address": "wrogn@one.test"}
    for typed, message in (("no address", "no valid domain|form name@domain"), ("other@one.test", "already")):
        detail.form.fields.put("new_address", typed)
        detail.form.press()
        assert any(part in detail.form.fields.messages["new_address"] for part in message.split("|")), typed
    detail.form.fields.put("new_address", "wrong@one.test")
    detail.form.press()
    assert [r.address for r in server.mail.show(queue_id).recipients] == ["wrong@one.test", "other@one.test"]
    (body,) = detail.widget.children
    assert "wrong@one.test" in body.children[0].value
    assert "is a recipient now (queued)" in body.children[2].value


@pytest.mark.spec("5: why is it stuck: the fix at hand, shown before it is applied")
def test_what_the_diagnosis_offers_is_applied_in_the_details(server: Server) -> None:
    queue_id = submit(server, "a@one.test")
    server.mail.hold(queue_id)
    panel = QueuePanel(server, Trouble())
    detail = panel.detail
    detail.open(queue_id)
    assert detail.fix is not None
    assert detail.fix.button.description == "Release it"
    detail.fix.button.click()
    assert answer(detail.fix.asking, False) == "Release it: 1 message?"
    assert server.mail.list("held").total == 1, "No changes nothing"
    detail.fix.button.click()
    answer(detail.fix.asking, True)
    assert server.mail.list("queued").total == 1
    assert detail.fix.button.description == "Switch sending on again", "what holds it up now"
    detail.fix.button.click()
    asked = answer(detail.fix.asking, True)
    assert asked.splitlines() == ["Sending is paused: yes → no", "Switch sending on again?"]
    wait_until(lambda: server.mail.list().total == 0, what="the mail to leave")


def test_a_fix_is_offered_to_those_who_may(shared: RunningServer, server: Server) -> None:
    queue_id = submit(server, "a@one.test")
    server.users.add("olga", "operator", "a long password of olga's")
    operator = shared.connect(username="olga", password="a long password of olga's")
    detail = MessageView(operator, Trouble())
    detail.open(queue_id)
    assert detail.fix is not None
    (line,) = detail.fix.widget.children
    assert "Switch sending on again: that takes the role admin." in line.value


def test_sent_mail_is_searched_behind_a_button(server: Server, host: ScriptedSmtp) -> None:
    for number in range(3):
        submit(server, f"reader{number}@out.test", subject=f"news{number}")
    server.options.set({"sending.paused": False})
    wait_until(lambda: server.mail.history(recipient="reader").total == 3, what="the mails")
    panel = SentPanel(server)
    assert panel.grid.total == 0, "nothing is asked before it is opened"
    panel.button.click()
    assert panel.grid.total >= 3
    panel.fields.put("recipient", "READER1")
    assert panel.grid.total == 1
    assert "Lines that match: 1<" in panel.count.value
    assert panel.code.code.endswith("server.mail.sent_frame(recipient='READER1')")
    panel.fields.put("recipient", "")
    panel.fields.put("message_id", "<news2@")
    assert panel.grid.total == 1
    panel.fields.put("since", "tomorrow")
    assert "is no time" in panel.fields.messages["since"]
    assert panel.grid.total == 1, "the list stays as it was"
    panel.fields.put("since", "2999-01-01T00:00")
    assert panel.grid.total == 0
    assert "from datetime import datetime" in panel.code.code
    panel.button.click()
    assert panel.button.description == "Show sent mail"


@pytest.mark.spec("5: Each message and the queue as a whole carry a diagnosis in plain words with the fix")
def test_which_causes_were_met_and_which_replies_nobody_knows(server: Server, shared: RunningServer) -> None:
    """In Python, on the command line and in the form, after a real host has refused in words known and unknown."""

    def refuses(line: str) -> Action | None:
        known = "550 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org"
        return say(known if "<known" in line else "550 5.7.1 <one@two.test> xyzzy")

    with ScriptedSmtp({"rcpt": refuses}) as strict:
        server.options.set({"sending.smtp.port": strict.port, "sending.paused": False})
        stuck = {to: submit(server, to) for to in ("known@y.test", "odd@y.test")}
        wait_until(lambda: server.mail.list("failed").total == 2, what="both refusals")
    assert server.mail.show(stuck["known@y.test"]).message.diagnosis.cause == "blocklisted"
    assert server.mail.list(cause="blocklisted").total == 1
    found = server.mail.diagnoses()
    met = {row.cause: row for row in found.rows}
    assert (met["blocklisted"].tries, met["address_rejected"].tries) == (1, 1)
    assert met["virus"].last_at is None
    assert [(one.smtp_code, one.text, one.tries) for one in found.unknown] == [(550, "5.7.1 <***@two.test> xyzzy", 1)]

    data = ("--data", str(shared.data))
    never = run("mail", "diagnoses", "--never", *data).out
    assert "virus" in never
    assert "blocklisted" not in never
    assert "xyzzy" in run("mail", "diagnoses", "--unknown", *data).out
    assert json.loads(run("mail", "diagnoses", "--json", *data).out)["unknown"][0]["host"].startswith("127.0.0.1:")

    table = QueuePanel(server, Trouble()).diagnoses
    assert table.content.value == "", "nothing is asked before it is opened"
    table.button.click()
    assert "The sending machine is on a block list" in table.content.value
    assert "&lt;***@two.test&gt; xyzzy" in table.content.value
    table.never.value = True
    assert "The sending machine is on a block list" not in table.content.value
    assert "The host finds a virus in it" in table.content.value
    table.button.click()
    assert table.content.value == ""


def test_what_was_deleted_keeps_its_name_whatever_is_chosen_meanwhile(panel: QueuePanel) -> None:
    view = panel.cause
    choose(view.grid, "any one.test")
    view.verbs["delete"].click()
    choose(view.grid, "any two.test")
    assert answer(view.asking, True).startswith("2 messages (2 held) will be deleted")
    (deletion,) = view.deletions
    words, undo = deletion.line.children
    assert "Deleted: Held, one.test<" in words.value
    assert undo is deletion.undo


@pytest.mark.spec("13: bulk actions show first what they will touch; deleting can be undone for ten minutes")
def test_undo_stays_until_it_is_done(panel: QueuePanel, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    view = panel.cause
    view.verbs["delete"].click()
    answer(view.asking, True)
    (deletion,) = view.deletions

    def refuse(_: MatchingMail) -> RunningJob:
        raise Conflict("Something else is under way; nothing was started.")

    with monkeypatch.context() as patched:
        patched.setattr(MatchingMail, "undelete", refuse)
        deletion.undo.click()
    assert view.deletions == [deletion], "nothing was brought back"
    assert not deletion.undo.disabled
    deletion.undo.click()
    assert not view.deletions
    assert server.mail.list("held").total == 5


def test_a_group_that_has_just_gone_is_not_the_whole_cause(panel: QueuePanel, server: Server) -> None:
    view = panel.cause
    choose(view.grid, "any one.test")
    assert "Chosen: 2 messages for one.test" in view.hint.value
    server.mail.where(domain="one.test").release().wait()
    view.rows.page("held", Sort("messages", descending=True), None, 100)  # asked, and not shown yet
    view.verbs["delete"].click()
    view.step.click()
    assert view.asking.children == ()
    view.refresh()
    assert "Chosen: 3 messages for all destinations" in view.hint.value


def test_destinations_that_are_not_shown_are_told_of(panel: QueuePanel, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "with the most mail" not in panel.cause.hint.value
    monkeypatch.setattr(queue_groups, "DESTINATIONS", 1)
    panel.cause.refresh()
    assert "<br>1 of 2 destinations, those with the most mail." in panel.cause.hint.value


def test_what_only_a_person_knows_is_set_with_what_helps_a_group(server: Server) -> None:
    submit(server, "a@one.test")
    groups = server.mail.groups()
    assert "paused" in groups
    server.apply(groups["paused"], {"sending.smtp.password": "a new one"})
    state = server.options.get()
    assert state.value("sending.paused") is False
    assert [one.is_set for one in state.options if one.name == "sending.smtp.password"] == [True]
    server.options.set({"sending.smtp.password": None})
    wait_until(lambda: "paused" not in server.mail.groups(), what="the mail to leave")
    with pytest.raises(NotFound, match="No mail waits for 'paused'"):
        server.mail.groups()["paused"]
