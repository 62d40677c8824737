"""Trying a template out while it is written: the mail it becomes for a record, or its fault and in which line.

Nothing is stored or sent by it. While an answer is awaited nothing more is asked; then for what is typed by now.
"""

from __future__ import annotations

from html import escape

import ipywidgets as w

from trackkit.client.project import Project
from trackkit.contract.project_mail import TemplatePreview, TemplateProblem
from trackkit.domain.declared import fields_of
from trackkit.domain.project.commands import command
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, MailTemplate
from trackkit.domain.project.templates import STANDARD
from trackkit.widgets.fields import Fields
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, show, status
from trackkit.widgets.tables import shown, shown_block
from trackkit.widgets.work import in_background

_PURPOSE = "The mail it becomes, as you type. Nothing is sent."


def templates_for(project: Project, kind: Kind) -> dict[str, tuple[str, str]]:
    """Subject and text of the templates for a kind of record, by name: the standard ones, and those of the project if
    one may view them, which take the place of standard ones of their names."""
    found = {one.name: (one.subject, one.body) for one in STANDARD.values()}
    if command(Kind.template, "view") in project.commands:
        own = sorted(project.each(Kind.template, [f"record_kind={kind}"]), key=lambda item: item.key.casefold())
        found |= {item.key: (str(item.values["subject"] or ""), str(item.values["body"] or "")) for item in own}
    return found


def problem_words(problem: TemplateProblem) -> str:
    """What is wrong, with its place."""
    known = fields_of(MailTemplate)
    where = known[problem.field].title if problem.field in known else problem.field
    line = f", line {problem.line}" if problem.line and problem.field == "body" else ""
    return f"{where}{line}: {problem.words}"


class TemplateTrial:
    """What the template in a form becomes. `widget` is what is shown; the rest is for tests.

    Parameters
    ----------
    fields: the form's, with the fields of a template.
    """

    def __init__(self, project: Project, fields: Fields, trouble: Trouble) -> None:
        self._project, self._fields, self.trouble = project, fields, trouble.another()
        self._asking = self._again = False
        self.record = w.Text(description="Number", placeholder="the newest", continuous_update=False)
        self.shown, self.names = w.HTML(), w.HTML()
        self.widget = w.VBox(
            [title("Preview", _PURPOSE, level=3), row(self.record), self.trouble.widget, self.shown, self.names]
        )
        self.widget.add_class("tk-preview")
        self.record.observe(lambda _: self.look(), names="value")
        self._fields.observe(lambda _: self.look(), names="values")
        self.look()

    def look(self) -> None:
        """Ask what becomes of it now."""
        if self._asking:
            self._again = True
            return
        values, number = dict(self._fields.values), self.record.value.strip()
        kind = Kind(str(values["record_kind"]))
        record = f"{kind} {number}" if number else None
        self._asking, self._again = True, False
        in_background(
            self.trouble,
            lambda: self._project.mail.preview(str(values["subject"]), str(values["body"]), kind, record),
            self._made,
            failed=self._failed,
        )

    def _made(self, made: TemplatePreview) -> None:
        show(self.trouble, None)  # what an answer before this one said
        self._show(made)
        self._go_on()

    def _failed(self, _: Exception) -> bool:
        self.shown.value = ""
        self._go_on()
        return False

    def _go_on(self) -> None:
        self._asking = False
        if self._again:
            self.look()

    def _show(self, made: TemplatePreview) -> None:
        typed = self._fields.values
        self._fields.messages = {one.field: _at_field(one) for one in reversed(made.problems) if one.field in typed}
        if made.problems:
            lines = "".join(_fault(one, str(typed.get(one.field, ""))) for one in made.problems)
            self.shown.value = status(lines, "tk-bad")
        else:
            kind = KINDS[Kind(made.record.partition(" ")[0])].title if made.record else ""
            about = f"With {kind.lower()} {made.record.partition(' ')[2]}" if made.record else "With no record yet"
            self.shown.value = (
                f"<p class='tk-hint' role='status'>{shown(about)}</p><h4>{shown(made.subject or '(no subject)')}</h4>"
                f"{shown_block(made.text)}"
            )
        names = " ".join(f"<code>{escape(name)}</code>" for name in made.names)
        self.names.value = (
            f"<details class='tk-python'><summary>What can be used in it</summary><p>{names}</p></details>"
            if names
            else ""
        )


def _at_field(problem: TemplateProblem) -> str:
    return f"line {problem.line}: {problem.words}" if problem.line and problem.field == "body" else problem.words


def _fault(problem: TemplateProblem, text: str) -> str:
    """What is wrong, and the line that is at fault with its number."""
    words = f"<p><strong>{shown(problem_words(problem), 500)}</strong></p>"
    lines = text.splitlines()
    if not 1 <= problem.line <= len(lines):
        return words
    return words + shown_block(f"{problem.line:>4}  {lines[problem.line - 1]}", 500)
