"""A record's conversation and its e-mails on a page, over a fake API: tabs, reading, writing, answering, templates."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from typing import Any

import ipywidgets as w
import pytest

import trackkit
from tests.unit import client_peers as peers
from tests.unit import project_answers
from tests.unit import tracking_answers as answers
from tests.unit.page_hands import answer, choose, words
from trackkit.client.project import Project
from trackkit.contract import project as project_contract
from trackkit.contract import project_mail as contract
from trackkit.domain.errors import Conflict, InvalidInput, Problem
from trackkit.domain.project.commands import COMMANDS, MAIL_VERBS
from trackkit.domain.project.kind import Kind
from trackkit.widgets.email_form import ReplyForm, SendForm
from trackkit.widgets.email_html import conversation_html, email_html, framed
from trackkit.widgets.email_panel import EmailPanel
from trackkit.widgets.fields import Fields, Section, field_of
from trackkit.widgets.problems import Trouble
from trackkit.widgets.project_panel import ProjectPanel
from trackkit.widgets.record_view import RecordView
from trackkit.widgets.template_editor import TemplateTrial, templates_for

VIEW_ONLY = tuple(name for name in COMMANDS if not name.endswith(("send_mail", "reply_to_mail", "delete_mail")))


@pytest.fixture(autouse=True)
def templates(api: peers.ApiServer) -> None:
    """What the project has to offer."""
    template = project_answers.ITEM.model_copy(
        update={"kind": Kind.template, "key": "Ask", "values": {"subject": "{{ record.title }}", "body": "Hello"}}
    )
    api.answers["project.list"] = project_contract.Items(items=(template,), next_after=None, total=1)


@contextmanager
def opened(api: peers.ApiServer, commands: tuple[str, ...] = COMMANDS) -> Iterator[Project]:
    session = {**project_answers.SESSION, "commands": commands}
    api.answers["project.open"] = project_contract.OpenedProject(**session, token="t")
    with trackkit.connect(api.url, username="ada", password="pw", fingerprint=api.fingerprint) as server:
        yield server.project("a", "anna", "pw", client="web")


@pytest.fixture
def project(api: peers.ApiServer) -> Iterator[Project]:
    with opened(api) as project:
        yield project


@pytest.fixture
def panel(project: Project) -> EmailPanel:
    return EmailPanel(project, "defect 12", Trouble())


@pytest.mark.spec("8: the record's Overview and E-mail tab show the conversation")
def test_a_record_has_an_overview_with_its_conversation_and_a_tab_of_e_mails(
    project: Project, api: peers.ApiServer
) -> None:
    view = RecordView(project, Kind.defect, "12", Trouble(), lambda: None)
    told = words(view.widget)
    for text in ("Defect 12: It stops", "2026-01-31", "E-mail sent by anna", "Reply received", "At night."):
        assert text in told
    assert "From an unknown address" in told
    assert view.tabs.bar.titles == ["Overview", "E-mail (2)"]
    assert view.emails is None, "made when it is first looked at"
    view.tabs.bar.chosen = 1
    assert view.emails is not None
    assert api.last("project.mail.list").fields["record"] == "defect 12"


def test_an_e_mail_that_is_read_shows_what_was_cut_and_its_files(panel: EmailPanel, api: peers.ApiServer) -> None:
    assert panel.buttons["Reply"].disabled
    choose(panel.grid, "5")
    told = words(panel.reading)
    for text in ("Re: It stops", "from an unknown address", "> When does it stop?", "Its date cannot be read."):
        assert text in told
    everything = [one for child in panel.reading.children for one in (child, *getattr(child, "children", ()))]
    row = next(one for one in everything if isinstance(one, w.HBox))
    row.children[1].click()
    assert api.last("project.mail.file").fields == {"number": "5", "file_id": "9"}
    assert f"base64,{base64.b64encode(bytes([0, 255])).decode()}" in words(panel.reading)
    panel.buttons["Save as .eml"].click()
    assert base64.b64encode(answers.RAW).decode() in panel.said.value


def test_html_of_a_mail_is_in_a_frame_that_can_do_nothing() -> None:
    nasty = "<script>alert(1)</script></iframe><img src='https://x.example/'>\"'"
    html = framed(nasty, "'\"><b>")
    assert html.count("<iframe") == html.count("</iframe>") == 1
    (sandbox,) = re.findall(r"sandbox='([^']*)'", html)
    assert not {"allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation"} & set(sandbox.split())
    (page,) = re.findall(r"srcdoc='([^']*)'", html)
    assert nasty in unescape(page)
    assert "default-src 'none'" in unescape(page)
    assert "<b>" not in html


def test_what_came_back_is_said_at_the_recipient() -> None:
    bounced = answers.RECIPIENT.model_copy(update={"outcome": "bounce", "status_code": "5.1.1", "hard": True})
    sent = answers.EMAIL.model_copy(update={"recipients": (bounced,), "subject": "<b>"})
    told = conversation_html([sent])
    assert "customer@example.com: not delivered (5.1.1), for good" in told
    assert "<b>" not in told.replace("<b>E-mail sent", "")
    whole = email_html(answers.DETAIL.model_copy(update={"email": sent, "text": "<script>"}))
    assert "not delivered (5.1.1), for good" in whole
    assert "<script>" not in whole


@pytest.mark.spec("8: project users send mail from a record, tracked or not")
def test_a_new_e_mail_from_a_template_that_is_filled_in_before_it_is_sent(
    panel: EmailPanel, api: peers.ApiServer
) -> None:
    panel.buttons["New e-mail"].click()
    form = panel.form
    assert isinstance(form, SendForm)
    form.form.save.click()
    assert form.form.fields.messages == {"to": "is empty"}
    form.form.fields.put("template", "Ask")
    asked = api.last("project.template.preview").fields
    assert (asked["subject"], asked["record"]) == ("{{ record.title }}", "defect 12")
    assert form.form.fields.values["text"] == "Dear customer"
    form.form.fields.put("text", "My own words")
    form.form.fields.put("template", "")
    form.form.fields.put("template", "Ask")
    assert "What you have typed goes" in answer(form.asking, False)
    assert form.form.fields.values["text"] == "My own words"
    form.form.fields.put("to", "ben, b@example.com")
    form.form.fields.put("tracked", False)
    given = {"name": "a.txt", "type": "", "size": 2, "content": b"\x00\xff", "last_modified": datetime.now(UTC)}
    form.files.upload.value = (given,)
    form.form.save.click()
    sent = api.last("project.mail.send").fields
    assert (sent["record"], sent["to"], sent["cc"]) == ("defect 12", ["ben", "b@example.com"], [])
    assert (sent["subject"], sent["text"], sent["tracked"]) == ("It stops", "My own words", False)
    assert sent["files"] == [{"name": "a.txt", "content": base64.b64encode(b"\x00\xff").decode()}]
    assert "it is in the mail queue as Q8" in panel.said.value.replace("It is", "it is")
    assert panel.form is None


def test_every_template_is_offered(project: Project, api: peers.ApiServer) -> None:
    (first,) = api.answers["project.list"].items

    def page(fields: dict[str, Any]) -> project_contract.Items:
        last = "after" in fields
        items = (first.model_copy(update={"key": "about" if last else "Ask"}),)
        return project_contract.Items(items=items, next_after=None if last else 1, total=2)

    api.answers["project.list"] = page
    assert list(templates_for(project, Kind.defect))[-2:] == ["about", "Ask"]


def test_a_template_that_comes_late_replaces_nothing(panel: EmailPanel, api: peers.ApiServer) -> None:
    panel.buttons["New e-mail"].click()
    form = panel.form
    assert isinstance(form, SendForm)

    def late(fields: dict[str, Any]) -> contract.TemplatePreview:
        form.form.fields.put("template", "")
        return answers.PREVIEW

    api.answers["project.template.preview"] = late
    form.form.fields.put("template", "Ask")
    assert form.form.fields.values["text"] == ""


def test_what_is_done_is_shown_as_python(project: Project, api: peers.ApiServer) -> None:
    shown: list[str] = []
    panel = EmailPanel(project, "defect 12", Trouble(), shows=shown.append)
    panel.text.value = "pump"
    assert shown[-1] == "project.mail.frame('defect 12', text='pump')"
    given = {"name": "a.txt", "type": "", "size": 2, "content": b"\x00\xff", "last_modified": datetime.now(UTC)}
    choose(panel.grid, "5")
    for to, told in (("customer@example.com", ""), ("ben", ", to=['ben']")):
        panel.buttons["Reply"].click()
        form = panel.form
        assert isinstance(form, ReplyForm)
        form.form.fields.values = {"to": to, "text": "Yes"}
        form.form.save.click()
        assert f"project.mail.reply(5, 'Yes'{told})" in shown
    panel.buttons["New e-mail"].click()
    form = panel.form
    assert isinstance(form, SendForm)
    form.form.fields.put("to", "ben")
    form.files.upload.value = (given,)
    form.form.save.click()
    assert "from pathlib import Path\n\nproject.mail.send('defect 12', ['ben'], files=[Path('a.txt')])" in shown


def test_a_template_with_a_fault_fills_nothing_in_and_names_the_line(panel: EmailPanel, api: peers.ApiServer) -> None:
    fault = contract.TemplateProblem(field="body", line=2, words="'recrod' is not known")
    api.answers["project.template.preview"] = answers.PREVIEW.model_copy(update={"problems": (fault,)})
    panel.buttons["New e-mail"].click()
    form = panel.form
    assert isinstance(form, SendForm)
    form.form.fields.put("template", "Ask")
    assert "Text, line 2: 'recrod' is not known" in unescape(form.wrong.value)
    assert form.form.fields.values["text"] == ""


def test_what_is_wrong_with_a_recipient_is_said_at_the_field_and_what_is_typed_stays(
    panel: EmailPanel, api: peers.ApiServer
) -> None:
    panel.buttons["New e-mail"].click()
    form = panel.form
    assert isinstance(form, SendForm)
    form.form.fields.put("to", "ben")
    api.answers["project.mail.send"] = InvalidInput("Refused.", problems=[Problem("to", "ben has no valid address")])
    form.form.save.click()
    assert form.form.fields.messages == {"to": "ben has no valid address"}
    api.answers["project.mail.send"] = Conflict("The project does not track its e-mail.", "Ask an administrator.")
    form.form.save.click()
    assert "does not track" in form.form.trouble.line.value
    assert form.form.fields.values["to"] == "ben"


def test_an_answer_goes_to_its_author_and_a_deletion_asks_first(panel: EmailPanel, api: peers.ApiServer) -> None:
    choose(panel.grid, "5")
    panel.buttons["Reply"].click()
    form = panel.form
    assert isinstance(form, ReplyForm)
    assert form.form.fields.values["to"] == "customer@example.com"
    form.form.save.click()
    assert form.form.fields.messages == {"text": "is empty"}
    form.form.fields.put("text", "Thank you.")
    form.form.save.click()
    sent = api.last("project.mail.reply").fields
    assert (sent["text"], sent["to"]) == ("Thank you.", ["customer@example.com"])
    panel.buttons["Delete e-mail"].click()
    assert "It cannot be brought back." in answer(panel.asking, False)
    assert "project.mail.delete" not in api.calls()
    panel.buttons["Delete e-mail"].click()
    answer(panel.asking, True)
    assert api.last("project.mail.delete").fields == {"number": "5"}


@pytest.mark.spec("8: commands by security group and record type: send, reply to, view, delete tracked e-mail")
def test_what_the_groups_do_not_give_is_disabled_or_not_there(api: peers.ApiServer) -> None:
    with opened(api, VIEW_ONLY) as project:
        panel = EmailPanel(project, "defect 12", Trouble())
        choose(panel.grid, "5")
        disabled = {name for name, button in panel.buttons.items() if button.disabled}
        assert disabled == {"New e-mail", "Reply", "Delete e-mail"}
    before = api.calls().count("project.mail.list")
    with opened(api, ("defect.view", "defect.send_mail", "requirement.view_mail")) as project:
        panel = EmailPanel(project, "defect 12", Trouble())
        assert f"do not have the command {MAIL_VERBS['view_mail']}" in words(panel.widget)
        assert not panel.buttons["New e-mail"].disabled
        assert api.calls().count("project.mail.list") == before, "it is not even asked for"
        view = RecordView(project, Kind.defect, "12", Trouble(), lambda: None)
        assert "do not have the command" in words(view.widget)


def test_e_mails_of_all_records_stand_among_the_kinds_for_those_who_may_view_some(api: peers.ApiServer) -> None:
    with trackkit.connect(api.url, username="ada", password="pw", fingerprint=api.fingerprint) as server:
        with opened(api) as project:
            panel = ProjectPanel(server, project, Trouble(), None)
            panel.kind.value = Kind.tracked_email
            assert panel.emails is not None
            assert "New e-mail" not in panel.emails.buttons
            assert "record" not in api.last("project.mail.list").fields
            panel.kind.value = Kind.defect
        with opened(api, ("defect.view",)) as project:
            assert "E-mails" not in dict(ProjectPanel(server, project, Trouble(), None).kind.options)


def template_fields() -> Fields:
    from trackkit.domain.project.kinds import KINDS

    declared = KINDS[Kind.template].fields
    start = {"name": "Ask", "record_kind": "defect", "subject": "{{ record.title }}", "body": "One\nTwo {{ recrod }}"}
    return Fields([Section("", tuple(map(field_of, declared.values())))], start)


@pytest.mark.spec(
    "8: templates: standard ones, custom ones; sandboxed; a preview with a real record; an error names the line"
)
def test_a_template_is_tried_out_while_it_is_typed(project: Project, api: peers.ApiServer) -> None:
    fields = template_fields()
    trial = TemplateTrial(project, fields, Trouble())
    assert "With defect 12" in trial.shown.value
    assert "Dear customer" in trial.shown.value
    assert "record" not in api.last("project.template.preview").fields, "the newest"
    fault = contract.TemplateProblem(field="body", line=2, words="'recrod' is not known")
    api.answers["project.template.preview"] = answers.PREVIEW.model_copy(update={"problems": (fault,)})
    fields.put("subject", "x")
    assert fields.messages == {"body": "line 2: 'recrod' is not known"}
    assert "2  Two {{ recrod }}" in unescape(trial.shown.value)
    trial.record.value = "13"
    assert api.last("project.template.preview").fields["record"] == "defect 13"
    api.answers["project.template.preview"] = answers.PREVIEW
    fields.put("body", "fine")
    assert fields.messages == {}
