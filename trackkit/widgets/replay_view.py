"""What becomes of one mail, rule by rule, and what can be done about it: decide anew, file it with a record, save it.

A mail that was dropped on the page is only looked at: nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.inbox import InboxMail, Replay
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.tracking.inbox import InboxState
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.fields import Field
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble
from trackkit.widgets.project_files import download
from trackkit.widgets.tables import shown
from trackkit.widgets.tracking_tables import STATE_WORDS, replay_html
from trackkit.widgets.work import in_background

AGAIN = (InboxState.quarantined, InboxState.untracked, InboxState.discarded)
"""What can be decided anew."""

_RECORD = "As “defect 12”: it is filed there whatever it carries. Empty: the rules decide anew."


class ReplayView:
    """The view. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does.

    Parameters
    ----------
    replay: what would become of it.
    mail: the mail of the inbox it is about; none = one that was dropped here.
    name: what that one is called.
    databases: names of the projects.
    changed: called with what came of a reprocessed mail.
    """

    def __init__(
        self,
        server: Server,
        replay: Replay,
        mail: InboxMail | None,
        name: str,
        databases: Sequence[str],
        trouble: Trouble,
        shows: Callable[[str], None],
        changed: Callable[[str], None],
        close: Callable[[], None],
    ) -> None:
        self._server, self._replay, self._mail, self._databases = server, replay, mail, databases
        self._shows, self._changed, self.trouble = shows, changed, trouble.another()
        self.form: DeclaredForm | None = None
        self._form_box, self._link = w.VBox(), w.HTML()
        self.again = w.Button(description="Reprocess", button_style="primary")
        self.save, leave = w.Button(description="Save as .eml"), w.Button(description="Close")
        self.again.on_click(lambda _: self.reprocess())
        self.save.on_click(lambda _: self._save())
        leave.on_click(lambda _: close())
        stored = [] if mail is None else [self.again, self.save]
        if mail is not None:
            self.again.disabled = not (mail.kept and mail.state in AGAIN)
            self.save.disabled = not mail.kept
        self.widget = w.VBox(
            [
                title(name, _now(mail), level=3),
                row(*stored, leave),
                self.trouble.widget,
                self._link,
                self._form_box,
                w.HTML(replay_html(replay)),
            ]
        )

    def reprocess(self) -> None:
        """The form: decide anew by the rules, or name the record to file it with."""
        assert self._mail is not None  # noqa: S101 - the button is there for mails of the inbox only
        inbox_id = self._mail.inbox_id
        choices = (("", "–"), *((name, name) for name in self._databases))
        known = self._replay.database if self._replay.database in self._databases else ""

        def send(values: Values) -> InboxMail:
            database, record = str(values["database"]) or None, str(values["record"]).strip() or None
            if record and not database:
                problem = Problem("database", "is needed with a record")
                raise InvalidInput("Nothing was changed.", problems=[problem])
            told = f", {database!r}, {record!r}" if record else ""
            self._shows(f"server.tracking.reprocess({inbox_id}{told})")
            return self._server.tracking.reprocess(inbox_id, database if record else None, record)

        self.form = DeclaredForm(
            "Decide anew, or file it with a record",
            {},
            {"database": known if self._replay.record else "", "record": self._replay.record},
            "Reprocess it",
            self.trouble,
            send,
            lambda mail: self._changed(told_of(mail)),
            self._close_form,
            before=(
                Field("record", "Record", help=_RECORD),
                Field("database", "Of the project", "choice", choices=choices),
            ),
        )
        self._form_box.children = (self.form.widget,)

    def _close_form(self) -> None:
        self._form_box.children = ()
        self.form = None

    def _save(self) -> None:
        assert self._mail is not None  # noqa: S101 - as above
        inbox_id = self._mail.inbox_id
        self._shows(f"server.tracking.raw({inbox_id})")

        def show(raw: bytes) -> None:
            self._link.value = download(f"mail-{inbox_id}.eml", raw, f"Save mail-{inbox_id}.eml")

        in_background(self.trouble, lambda: self._server.tracking.raw(inbox_id), show, busy=(self.save,))


def _now(mail: InboxMail | None) -> str:
    if mail is None:
        return "What would become of it, had it been fetched. Nothing is stored."
    state = STATE_WORDS.get(mail.state, str(mail.state))
    gone = "" if mail.kept else " Its bytes are not in the inbox any more."
    because = f": {mail.reason}" if mail.reason else "."
    return f"Fetched from {mail.mailbox}; {state}{because}{gone}"


def told_of(mail: InboxMail) -> str:
    """What came of a mail, as a sentence that is safe as HTML."""
    where = f" with {mail.record} of {mail.database}" if mail.record else ""
    because = f": {mail.reason}" if mail.reason else ""
    return shown(f"Mail {mail.inbox_id} is {STATE_WORDS.get(mail.state, str(mail.state))}{where}{because}", 500)
