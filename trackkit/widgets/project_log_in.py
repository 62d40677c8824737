"""The log-in to a project on a page, for one of its users."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.project import Project
from trackkit.contract.licenses import Seats
from trackkit.domain.errors import InvalidInput, NoSeat
from trackkit.widgets.dedicated_panel import DedicatedLicense
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.license_tables import seats_table
from trackkit.widgets.log_in import PASSWORD
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.work import in_background

USER = Field("username", "Project user", required=True, help="An account inside the project, not a server user.")


class ProjectLogIn:
    """The form to log in to a project. `widget` is what is shown; `connect` does what the button does.

    A notebook is a native client: it presents the dedicated license that is remembered on this computer, else it takes
    a floating seat. When none is free the form shows who holds them.
    """

    def __init__(self, server: Server, trouble: Trouble, done: Callable[[Project], None]) -> None:
        self._server, self._trouble, self._done = server, trouble, done
        self.button = w.Button(description="Log in", button_style="primary")
        self.button.on_click(shows_problems(trouble)(lambda _: self.connect()))
        self.fields: Fields | None = None
        self._form, self.holders, self._unknown = w.VBox(), w.HTML(), trouble.another()
        self.dedicated = DedicatedLicense(trouble)
        heading = title("Log in to a project", f"One of the projects of {server.name}.")
        self.widget = panel(heading, self._form, self.holders, self._unknown.widget)
        in_background(trouble, lambda: server.offered("native").databases, self._offer)

    def _offer(self, offered: tuple[object, ...]) -> None:
        names = [str(getattr(one, "name", one)) for one in offered]
        if not names:
            self._form.children = (w.HTML("<p class='tk-empty'>No project takes log-ins just now.</p>"),)
            return
        choice = Field("database", "Project", "choice", choices=tuple((name, name) for name in names))
        values = {"database": names[0], "username": "", "password": ""}
        self.fields = Fields([Section("", (choice, USER, PASSWORD))], values)
        self.fields.when_entered(lambda: self.button.click())
        self._form.children = (self.fields, self.dedicated.widget, row(self.button, kind="tk-actions"))

    def connect(self) -> None:
        """Log in as typed."""
        self.holders.value = ""
        assert self.fields is not None  # noqa: S101 - the button stands below the fields
        database, username, password = (str(self.fields.values[name]) for name in ("database", "username", "password"))
        if not username.strip():
            raise InvalidInput.of("Project user", "is empty")

        def opened(project: Project) -> None:
            if self.fields is not None:
                self.fields.put("password", "")
            self._done(project)

        in_background(
            self._trouble,
            lambda: self._server.project(database, username.strip(), password, client="native"),
            opened,
            busy=(self.button,),
            failed=self._failed,
        )

    def _failed(self, error: Exception) -> bool:
        """The error says how many seats there are; below it stands who holds them."""
        if isinstance(error, NoSeat):
            pool = error.details.get("pool")

            def show(found: Seats) -> None:
                seats = [seat for seat in found.seats if seat.pool == pool]
                self.holders.value = f"<h3>Who holds the {pool} seats</h3>{seats_table(seats)}" if seats else ""

            in_background(self._unknown, self._server.licenses.seats, show)
        return False
