"""E-mail tracking of one project: the eight steps of its set-up, its settings, and the test of its mailbox."""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.databases import Databases
from trackkit.contract.tracking import Check, ProjectMailSettings
from trackkit.domain.accounts import Role
from trackkit.domain.errors import InvalidInput
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.mail_test_panel import MailTestPanel, mailbox
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.project_mail_form import ProjectMailForm
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.tracking_tables import ready_words, steps_html
from trackkit.widgets.work import in_background

_PURPOSE = "What a project needs before its users can send tracked e-mail, and what is missing."


class TrackingSetup:
    """The panel. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble.another()
        self.chosen = w.Dropdown(description="Project")
        self.ready, self.steps, self.said, self.form_box = w.HTML(), w.HTML(), Said(), w.VBox()
        self.form: ProjectMailForm | None = None
        self.code = python_of("server.tracking.check('…')", server)
        self.buttons = action_buttons(
            {"Check again": self.check, "Test its mailbox": self.test, "E-mail settings": self.edit},
            self.trouble,
            primary="E-mail settings",
        )
        self.widget = panel(
            title("Set-up of a project", _PURPOSE),
            self.trouble.widget,
            row(self.chosen, *self.buttons.values()),
            self.said,
            self.form_box,
            self.ready,
            self.steps,
            self.code,
        )
        self.chosen.observe(shows_problems(self.trouble)(lambda _: self._changed()), names="value")
        in_background(self.trouble, server.databases.list, self._offer)

    def _offer(self, found: Databases) -> None:
        offer(self.chosen, [(one.name, one.name) for one in found.databases])
        if not found.databases:
            self.steps.value = "<p class='tk-empty'>There is no project yet.</p>"

    @property
    def _database(self) -> str:
        if self.chosen.value is None:
            raise InvalidInput("No project is chosen.", "Create one in the notebook of project databases.")
        return str(self.chosen.value)

    def _changed(self) -> None:
        self._close()
        if self.chosen.value is not None:
            self.check()

    def _close(self) -> None:
        self.form_box.children = ()
        self.form = None
        self.said.value = ""

    def check(self) -> None:
        """Walk the steps for the chosen project."""
        self.code.code = whole(f"server.tracking.check({self._database!r})", self._server)
        self._walk()

    def _walk(self) -> None:
        database = self._database
        self.buttons["Check again"].disabled = self.buttons["Test its mailbox"].disabled = False
        self.buttons["E-mail settings"].disabled = not Role(self._server.role).covers(Role.admin)

        def show(found: Check) -> None:
            if self.chosen.value == database:
                self.ready.value, self.steps.value = ready_words(found), steps_html(found)

        in_background(
            self.trouble, lambda: self._server.tracking.check(database), show, busy=(self.buttons["Check again"],)
        )

    def test(self) -> None:
        """Show the test of the chosen project's mailbox."""
        test = MailTestPanel(self._server, self.trouble.another(), self.check, mailbox(self._database))
        self._close()
        self.form_box.children = (test.widget,)

    def edit(self, told: Exception | None = None) -> None:
        """The form of the chosen project's e-mail settings, as the server has them now."""
        database = self._database

        def shows(call: str) -> None:
            self.code.code = whole(call, self._server)

        def done(_: ProjectMailSettings) -> None:
            self._close()
            self.said.value = status(shown(f"The e-mail settings of {database} were changed."), "tk-good")
            self._walk()

        def place(seen: ProjectMailSettings) -> None:
            self._close()
            form = ProjectMailForm(self._server, seen, self.trouble, shows, done, self._close, self.edit, told)
            self.form = form
            self.form_box.children = (form.widget,)

        in_background(self.trouble, lambda: self._server.tracking.settings(database), place)
