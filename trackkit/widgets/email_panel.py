"""The e-mails of a record on a page, or those of all records: the list, one to read, answer, send, delete.

What the user's security groups do not give for that kind of record is disabled. Deleting asks first.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client.project import Project
from trackkit.contract.project_mail import EmailDetail, EmailFileContent, EmailView
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.commands import MAIL_VERBS, MailVerb, command
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.database_tables import octets
from trackkit.widgets.email_form import ReplyForm, SendForm
from trackkit.widgets.email_html import email_html, sizes
from trackkit.widgets.email_rows import ORDER, EmailFilter, EmailRows, columns
from trackkit.widgets.grid import Grid
from trackkit.widgets.page import offer, row
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.project_files import download
from trackkit.widgets.said import Said
from trackkit.widgets.tables import shown
from trackkit.widgets.template_editor import templates_for
from trackkit.widgets.work import in_background


def may(project: Project, record: str, verb: MailVerb) -> bool:
    """Whether the user's groups gave that command, about e-mails of such a record, at the log-in."""
    return command(Kind(record.partition(" ")[0]), verb) in project.commands


def may_view_some(project: Project) -> bool:
    """Whether there is a kind of record whose e-mails the user may view."""
    return any(command(kind, "view_mail") in project.commands for kind in RECORD_KINDS)


class EmailPanel:
    """The panel. `widget` is what is shown; the buttons, `grid` and `form` are for tests, and do what a click does.

    Parameters
    ----------
    record: ``defect 12``; none = the e-mails of all records, where none can be written.
    changed: called when an e-mail was sent or deleted, or may have come.
    shows: gets the same as Python.
    """

    def __init__(
        self,
        project: Project,
        record: str | None,
        trouble: Trouble,
        changed: Callable[[], None] = lambda: None,
        shows: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._project, self._record, self._changed, self._shows = project, record, changed, shows
        self.trouble = trouble.another()
        self.detail: EmailDetail | None = None
        self.form: SendForm | ReplyForm | None = None
        self.grid = Grid(
            "E-mails",
            columns(record is None),
            EmailRows(project),
            sort=ORDER,
            empty="No e-mail has been sent or received yet." if record else "There is no e-mail you may view.",
            multiple=False,
            trouble=self.trouble,
        )
        self.text = w.Text(description="Search", placeholder="subject, text or address", continuous_update=False)
        self.said, self.reading, self.asking, self.form_box = Said(), w.VBox(), w.VBox(), w.VBox()
        self.reading.add_class("tk-spaced")
        actions = {"New e-mail": self.write} if record else {}
        actions |= {"Reply": self.reply, "Delete e-mail": self.delete, "Save as .eml": self.save}
        actions["Refresh"] = self.refresh
        self.buttons = action_buttons(
            actions, self.trouble, primary="New e-mail" if record else "Reply", danger="Delete e-mail"
        )
        self._views = record is None or may(project, record, "view_mail")
        self.widget = w.VBox([self.trouble.widget, *self._parts(record)])
        self.widget.add_class("tk-spaced")
        self.text.observe(lambda _: self.look(), names="value")
        self.grid.on_select(self._chosen)
        if self._views:
            self.look()
        self._allow()

    def _parts(self, record: str | None) -> list[w.Widget]:
        below = [row(*self.buttons.values()), self.asking, self.said, self.form_box, self.reading]
        if self._views:
            return [row(self.text), self.grid.widget, *below]
        titles = KINDS[Kind(str(record).partition(" ")[0])].titles.lower()
        words = f"Your security groups do not have the command {MAIL_VERBS['view_mail']} for {titles}."
        return [w.HTML(f"<p class='tk-empty'>{shown(words)}</p>"), *below]

    def look(self) -> None:
        """Show the list from its beginning."""
        wanted = EmailFilter(self._record, self.text.value.strip() or None)
        self.grid.show(wanted)
        self._shows(f"project.mail.frame({wanted.as_python()})")

    def refresh(self) -> None:
        """Ask for the list again, and for what else shows e-mails."""
        if self._views:
            self.grid.refresh()
        self._changed()

    def _about(self) -> str:
        """The record in question."""
        return self._record or (self.detail.email.record if self.detail is not None else "")

    def _allow(self) -> None:
        record, chosen = self._about(), self.detail is not None
        allowed = {
            "New e-mail": bool(record) and may(self._project, record, "send_mail"),
            "Reply": chosen and may(self._project, record, "reply_to_mail"),
            "Delete e-mail": chosen and may(self._project, record, "delete_mail"),
            "Save as .eml": chosen,
            "Refresh": self._views,
        }
        for words, button in self.buttons.items():
            button.disabled = not allowed[words]

    def _chosen(self) -> None:
        number = next(iter(self.grid.selected_ids), None)
        self._close()
        if number is None:
            self._read(None)
            return

        def show(detail: EmailDetail) -> None:
            if self.grid.selected_ids[:1] == (number,):  # somebody may have gone on to another one meanwhile
                self._read(detail)

        in_background(self.trouble, lambda: self._project.mail.show(int(number)), show)

    def _read(self, detail: EmailDetail | None) -> None:
        self.detail = detail
        self._allow()
        if detail is None:
            self.reading.children = ()
            return
        end = w.HTML(f"<p class='tk-hint'>{shown(sizes(detail))}</p>")
        files = [self._files(detail)] if detail.files else []
        self.reading.children = (w.HTML(email_html(detail)), *files, end)
        self._shows(f"project.mail.show({detail.email.number})")

    def _files(self, detail: EmailDetail) -> w.Widget:
        """The files of an e-mail; each is fetched when it is wanted."""
        choice, fetch, link = w.Dropdown(description="File"), w.Button(description="Fetch"), w.HTML()
        offer(choice, [(f"{shown(one.name)} ({octets(one.size)})", one.file_id) for one in detail.files])
        number = detail.email.number

        def show(file: EmailFileContent) -> None:
            link.value = download(file.name, file.content, f"Save {file.name}")

        def ask(_: object) -> None:
            file_id = int(choice.value)
            in_background(self.trouble, lambda: self._project.mail.file(number, file_id), show, busy=(fetch,))

        fetch.on_click(ask)
        return w.VBox([row(choice, fetch), link])

    def _close(self) -> None:
        self.asking.children = self.form_box.children = ()
        self.form = None
        self.said.value = ""

    def _say(self, words: str) -> None:
        self._close()
        self.said.value = status(shown(words), "tk-good")
        self.refresh()

    def _sent(self, email: EmailView) -> None:
        waits = f" It is in the mail queue as {email.queue_id}." if email.queue_id else " It leaves in a moment."
        self._say(f"E-mail {email.number} to {', '.join(one.address for one in email.recipients)} was sent.{waits}")

    def write(self) -> None:
        """The form for a new e-mail about the record."""
        record = self._about()

        def place(templates: dict[str, tuple[str, str]]) -> None:
            self._close()
            self.form = SendForm(self._project, record, templates, self.trouble, self._shows, self._sent, self._close)
            self.form_box.children = (self.form.widget,)
            self.form.form.fields.focus_on("to")

        kind = Kind(record.partition(" ")[0])
        in_background(self.trouble, lambda: templates_for(self._project, kind), place)

    def _open(self) -> EmailDetail:
        if self.detail is None:
            raise InvalidInput("No e-mail is chosen.", "Click one first.")
        return self.detail

    def reply(self) -> None:
        """The form for an answer to the chosen e-mail."""
        detail = self._open()
        self._close()
        self.form = ReplyForm(self._project, detail, self.trouble, self._shows, self._sent, self._close)
        self.form_box.children = (self.form.widget,)

    def delete(self) -> None:
        """Ask, then delete the chosen e-mail."""
        email = self._open().email
        self._close()

        def do() -> None:
            self._shows(f"project.mail.delete({email.number})")
            in_background(
                self.trouble,
                lambda: self._project.mail.delete(email.number),
                lambda _: self._say(f"E-mail {email.number} was deleted."),
            )

        files = f" and {email.files} {'file' if email.files == 1 else 'files'}" if email.files else ""
        question = f"Delete e-mail {email.number}, {email.subject!r}, with its text{files}? It cannot be brought back."
        confirm(self.asking, question, "Delete it", do)

    def save(self) -> None:
        """The bytes of the chosen e-mail, as they came or left, to be saved."""
        number = self._open().email.number
        self._shows(f"project.mail.raw({number})")

        def show(raw: bytes) -> None:
            self.said.value = download(f"e-mail-{number}.eml", raw, f"Save e-mail-{number}.eml")

        in_background(self.trouble, lambda: self._project.mail.raw(number), show, busy=(self.buttons["Save as .eml"],))
