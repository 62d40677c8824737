"""The forms to write an e-mail about a record, and to answer one.

A template is filled in for this very record before it is sent: what is seen is what is sent. What somebody has typed is
not replaced by a template without a question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from trackkit.client.project import Project
from trackkit.contract.project_mail import EmailDetail, EmailView, TemplatePreview
from trackkit.domain.declared import Group, declare, fields_of
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.project.kind import MAXIMUM_TEXT, Kind
from trackkit.widgets.confirm import confirm
from trackkit.widgets.database_tables import octets
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.fields import Field
from trackkit.widgets.page import row
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.tables import shown
from trackkit.widgets.template_editor import problem_words
from trackkit.widgets.work import in_background

_WHO = "Addresses, or names of the project's users and customers."


class NewEmail(Group):
    """What is written."""

    to: tuple[str, ...] = declare((), title="To", help=_WHO)
    cc: tuple[str, ...] = declare((), title="Copy to", help=_WHO)
    subject: str = declare("", title="Subject", max_length=300)
    text: str = declare("", title="Text", long=True, max_length=MAXIMUM_TEXT)
    tracked: bool = declare(True, title="Tracked", help="Replies are filed with the record.")


class Answer(Group):
    """What is answered."""

    to: tuple[str, ...] = declare((), title="To", help="Empty: whom the e-mail is from, or went to.")
    text: str = declare("", title="Text", long=True, max_length=MAXIMUM_TEXT)


class FilesToAttach:
    """The files that go with an e-mail. `widget` is what is shown."""

    def __init__(self) -> None:
        self.upload = w.FileUpload(description="Attach files", multiple=True)
        self.clear = w.Button(description="Attach none", disabled=True)
        self._names = w.HTML()
        self.upload.observe(lambda _: self._show(), names="value")
        self.clear.on_click(lambda _: self._none())
        self.widget = row(self.upload, self.clear, self._names)
        self.widget.add_class("tk-beside-label")

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """Names and contents."""
        return [(str(one["name"]), bytes(one["content"])) for one in self.upload.value]

    def as_python(self, call: str) -> str:
        """A call that still lacks its files and its end, the same as Python."""
        names = ", ".join(f"Path({name!r})" for name, _ in self.files)
        return f"from pathlib import Path\n\n{call}, files=[{names}])" if names else f"{call})"

    def _none(self) -> None:
        self.upload.value = ()

    def _show(self) -> None:
        self.clear.disabled = not self.upload.value
        words = ", ".join(f"{name} ({octets(len(content))})" for name, content in self.files)
        self._names.value = f"<span class='tk-hint' role='status'>{shown(words)}</span>" if words else ""


class SendForm:
    """The form for a new e-mail about a record. `widget` is what is shown; the rest does what a click does.

    Parameters
    ----------
    record: ``defect 12``.
    templates: subject and text of each template for that kind, by name.
    shows: gets the same as Python when it is sent.
    """

    def __init__(
        self,
        project: Project,
        record: str,
        templates: Mapping[str, tuple[str, str]],
        trouble: Trouble,
        shows: Callable[[str], None],
        done: Callable[[EmailView], None],
        cancel: Callable[[], None],
    ) -> None:
        self._project, self._record, self._templates, self._shows = project, record, templates, shows
        self._filled: dict[str, Any] = {"subject": "", "text": ""}
        self.files, self.asking, self.wrong, self._template = FilesToAttach(), w.VBox(), w.HTML(), ""
        choices = (("", "none"), *((name, name) for name in templates))
        template = Field("template", "Template", "choice", choices=choices, help="Filled in for this record.")
        self.form = DeclaredForm(
            f"New e-mail about {record}",
            fields_of(NewEmail),
            {"tracked": True},
            "Send",
            trouble,
            self._send,
            done,
            cancel,
            before=(template,) if templates else (),
            guide=w.VBox([self.asking, self.wrong]),
            below=self.files.widget,
        )
        self.form.fields.observe(shows_problems(self.form.trouble)(lambda _: self._typed()), names="values")
        self.widget = self.form.widget

    def _send(self, values: Values) -> EmailView:
        if not values["to"]:
            raise InvalidInput("Nothing was sent.", problems=[Problem("to", "is empty")])
        values.pop("template", None)  # it has been filled in
        to = list(values.pop("to"))
        given = {name: value for name, value in values.items() if value not in ("", [], True)}
        words = "".join(f", {name}={value!r}" for name, value in given.items())
        self._shows(self.files.as_python(f"project.mail.send({self._record!r}, {to!r}{words}"))
        return self._project.mail.send(self._record, to, files=self.files.files, **values)

    def _typed(self) -> None:
        """When a template was chosen, fill it in; asks where that would replace what was typed."""
        name = str(self.form.fields.values.get("template", ""))
        if name == self._template:
            return
        self._template, self.asking.children, self.wrong.value = name, (), ""
        if not name:
            return
        typed = {part: self.form.fields.values[part] for part in self._filled}
        if typed in (self._filled, {"subject": "", "text": ""}):
            self._fill(name)
            return
        question = f"Replace the subject and the text by those of the template {name}? What you have typed goes."
        confirm(self.asking, question, "Replace", lambda: self._fill(name))

    def _fill(self, name: str) -> None:
        subject, body = self._templates[name]
        kind = Kind(self._record.partition(" ")[0])

        def show(made: TemplatePreview) -> None:
            if self._template == name:  # another one may have been chosen meanwhile
                self._show(made)

        in_background(self.form.trouble, lambda: self._project.mail.preview(subject, body, kind, self._record), show)

    def _show(self, made: TemplatePreview) -> None:
        if made.problems:
            lines = "".join(f"<li>{shown(problem_words(one), 500)}</li>" for one in made.problems)
            words = f"<strong>The template {shown(self._template)} has a fault.</strong><ul>{lines}</ul>"
            self.wrong.value = f"<div class='tk-status tk-bad' role='alert'>{words}</div>"
            return
        self._filled = {"subject": made.subject, "text": made.text}
        self.form.fields.values = {**self.form.fields.values, **self._filled}
        self.form.fields.focus_on("to")


class ReplyForm:
    """The form for an answer to an e-mail. `widget` is what is shown; the rest does what a click does."""

    def __init__(
        self,
        project: Project,
        answered: EmailDetail,
        trouble: Trouble,
        shows: Callable[[str], None],
        done: Callable[[EmailView], None],
        cancel: Callable[[], None],
    ) -> None:
        self._project, self._number, self._shows = project, answered.email.number, shows
        self.files, self._author = FilesToAttach(), _whom(answered.email)
        self.form = DeclaredForm(
            f"Answer to e-mail {self._number}",
            fields_of(Answer),
            {"to": self._author},
            "Send",
            trouble,
            self._send,
            done,
            cancel,
            below=self.files.widget,
        )
        self.form.fields.focus_on("text")
        self.widget = self.form.widget

    def _send(self, values: Values) -> EmailView:
        if not str(values["text"]).strip():
            raise InvalidInput("Nothing was sent.", problems=[Problem("text", "is empty")])
        to = "" if list(values["to"]) == self._author else f", to={list(values['to'])!r}"
        self._shows(self.files.as_python(f"project.mail.reply({self._number}, {values['text']!r}{to}"))
        return self._project.mail.reply(self._number, values["text"], to=values["to"], files=self.files.files)


def _whom(email: EmailView) -> list[str]:
    return [email.sender] if email.direction == "received" else [one.address for one in email.recipients]
