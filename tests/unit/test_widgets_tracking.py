"""The page of e-mail tracking over a fake API: mailboxes, the set-up of a project, the inbox, replay."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import ipywidgets as w
import pytest

from tests.unit import client_peers as peers
from tests.unit import tracking_answers as answers
from tests.unit.page_hands import answer, choose, words
from trackkit.client import Server
from trackkit.contract import inbox as contract
from trackkit.domain.accounts import Role
from trackkit.domain.errors import Conflict, InvalidInput, Problem
from trackkit.domain.tracking.inbox import InboxState
from trackkit.widgets.grid import Sort
from trackkit.widgets.inbox_panel import InboxPanel
from trackkit.widgets.inbox_rows import NEWEST_FIRST, InboxFilter, InboxRows
from trackkit.widgets.mailboxes_panel import MailboxesPanel
from trackkit.widgets.problems import Trouble
from trackkit.widgets.tracking_panel import TrackingPanel
from trackkit.widgets.tracking_setup import TrackingSetup
from trackkit.widgets.tracking_tables import replay_html


def test_a_mailbox_that_fails_says_why_and_what_to_do(server: Server, api: peers.ApiServer) -> None:
    panel = MailboxesPanel(server, Trouble())
    told = words(panel.widget)
    for text in ("refused the log-in as other", "Check the account name", "PASS ***", "12 filed, 1 in quarantine"):
        assert text in told
    assert "key 2. Taken as well: 1 former key." in told
    panel.buttons["Fetch now"].click()
    assert "2 mails fetched, 2 deleted there" in panel.said.value
    panel.buttons["Send a probe mail"].click()
    assert "in the mail queue as Q7" in panel.said.value
    panel.buttons["New signing key"].click()
    assert "still find their records" in answer(panel.asking, False)
    assert "tracking.rotate_key" not in api.calls()


@pytest.mark.spec("8: tracking check walks the eight steps for a project and says what is missing")
def test_the_steps_of_a_project_and_its_settings(server: Server, api: peers.ApiServer) -> None:
    panel = TrackingSetup(server, Trouble())
    assert "a is not ready: Step 4 is missing." in words(panel.ready)
    assert words(panel.steps).count("done") == 7
    assert "Switch it on." in words(panel.steps)
    panel.buttons["E-mail settings"].click()
    form = panel.form
    assert form is not None
    state = str(form.fields.get_state(["sections"]))
    assert "Empty: mail.example, as the server has it." in state
    assert "as the server has it: yes" in state
    assert form.fields.is_set == ["mailbox.password"]
    form.fields.put("tracking", True)
    form.fields.put("mailbox.subaddressing", "no")
    form.fields.put("mailbox.port", "many")
    form.fields.put("mailbox.password", "a secret")
    form.save.click()
    assert "mailbox.port" in form.fields.messages
    assert "tracking.set" not in api.calls()
    form.fields.put("mailbox.port", "995")
    api.answers["tracking.set"] = InvalidInput("No.", problems=[Problem("mailbox.port", "is not so")])
    form.save.click()
    assert form.fields.messages == {"mailbox.port": "is not so"}
    api.answers["tracking.set"] = answers.MAIL_SETTINGS
    form.save.click()
    sent = api.last("tracking.set").fields
    expected = {"tracking": True, "mailbox.subaddressing": False, "mailbox.port": 995, "mailbox.password": "a secret"}
    assert (sent["values"], sent["revision"]) == (expected, 3)
    assert "were changed" in panel.said.value
    assert "a secret" not in panel.code.code + str(form.fields.get_state())
    assert '"mailbox.password": getpass("POP3 password: "),' in panel.code.code, "it runs as it stands"


def test_who_was_slower_sees_what_the_other_one_changed(server: Server, api: peers.ApiServer) -> None:
    panel = TrackingSetup(server, Trouble())
    panel.buttons["E-mail settings"].click()
    assert panel.form is not None
    panel.form.fields.removed = ["mailbox.password"]
    api.answers["tracking.set"] = Conflict("Changed by somebody else meanwhile.")
    panel.form.save.click()
    assert api.last("tracking.set").fields["values"] == {"mailbox.password": None}
    assert "somebody else meanwhile" in panel.form.trouble.line.value


@pytest.mark.spec("13: Inbound replay: drop an .eml and see every rule's verdict")
def test_a_quarantined_mail_is_looked_into_filed_and_discarded(server: Server, api: peers.ApiServer) -> None:
    panel = InboxPanel(server, Trouble())
    assert api.last("tracking.inbox").fields["states"] == ["quarantined"]
    panel.open("5")
    view = panel.view
    assert view is not None
    told = words(view.widget)
    for text in ("The subject names defect 12, the address defect 13.", "dkim=none", "<del>> It stops", "log.txt"):
        assert text in told
    view.again.click()
    assert view.form is not None
    assert view.form.fields.values == {"database": "a", "record": "defect 12"}
    view.form.fields.put("database", "")
    view.form.save.click()
    assert view.form.fields.messages == {"database": "is needed with a record"}
    view.form.fields.put("database", "a")
    view.form.save.click()
    assert api.last("tracking.reprocess").fields == {"inbox_id": "5", "database": "a", "record": "defect 12"}
    assert "Mail 5 is filed with defect 12" in panel.said.value
    assert panel.view is None
    choose(panel.grid, "5")
    panel.buttons["Discard"].click()
    assert "Discard 1 mail?" in answer(panel.asking, False)
    assert "tracking.discard" not in api.calls()
    panel.buttons["Discard"].click()
    answer(panel.asking, True)
    assert api.last("tracking.discard").fields == {"inbox_ids": [5]}


def test_a_mail_that_is_filed_cannot_be_reprocessed(server: Server, api: peers.ApiServer) -> None:
    filed = answers.INBOX_MAIL.model_copy(update={"state": InboxState.attached, "kept": False})
    api.answers["tracking.show"] = filed
    panel = InboxPanel(server, Trouble())
    panel.open("5")
    assert panel.view is not None
    assert panel.view.again.disabled
    assert panel.view.save.disabled


def test_a_dropped_mail_is_only_looked_at(server: Server, api: peers.ApiServer) -> None:
    panel = InboxPanel(server, Trouble())
    panel.like.value = "a"
    panel.drop._handle_custom_msg({"name": "<b>.eml"}, [memoryview(b"Subject: x\r\n\r\n\xff")])
    sent = api.last("tracking.replay").fields
    assert base64.b64decode(sent["message"]) == b"Subject: x\r\n\r\n\xff"
    assert sent["database"] == "a"
    told = "".join(str(one.value) for one in every(panel.detail) if isinstance(one, w.HTML))
    assert "&lt;b&gt;.eml" in told
    assert "Nothing is stored." in told
    assert panel.view is not None
    assert panel.view.again not in list(every(panel.view.widget))
    assert b"\xff" not in str(panel.drop.get_state()).encode()


def every(widget: w.Widget) -> Iterator[w.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def test_hostile_texts_of_a_mail_stay_text() -> None:
    nasty = "<script>alert(1)</script>\u202e"
    piece = contract.ReplayPiece(text=nasty, kept=False)
    replay = answers.REPLAY.model_copy(
        update={"author": nasty, "subject": nasty, "reason": nasty, "files": (nasty,), "pieces": (piece,)}
    )
    html = replay_html(replay)
    assert "<script>" not in html
    assert "\u202e" not in html


def test_viewers_see_how_it_goes_and_nothing_of_the_mails(server: Server, api: peers.ApiServer) -> None:
    api.answers["session.current"] = server._who = server.session().model_copy(update={"role": Role.viewer})
    panel = TrackingPanel(server, Trouble())
    assert panel.inbox is None
    assert "tracking.inbox" not in api.calls()
    enabled = {name for name, button in panel.mailboxes.buttons.items() if not button.disabled}
    assert enabled == {"Refresh"}
    assert panel.setup.buttons["E-mail settings"].disabled
    assert "is not ready" in words(panel.setup.ready)


def test_rows_go_both_ways_and_ranges_hold_what_lies_between(server: Server, api: peers.ApiServer) -> None:
    mails = [answers.INBOX_MAIL.model_copy(update={"inbox_id": number}) for number in (9, 8, 5, 3)]
    api.answers["tracking.inbox"] = contract.Inbox(items=tuple(mails), next_after=None, total=4)
    rows, wanted = InboxRows(server), InboxFilter()
    assert [one.id for one in rows.page(wanted, NEWEST_FIRST, None, 10).rows] == ["9", "8", "5", "3"]
    back = rows.page(wanted, Sort("fetched_at"), "3", 2)
    assert ([one.id for one in back.rows], back.next) == (["5", "8"], "8")
    assert list(rows.ids(wanted, NEWEST_FIRST, "8", "4")) == ["8", "5"]
    assert list(rows.ids(wanted, NEWEST_FIRST, None, None)) == ["9", "8", "5", "3"]
