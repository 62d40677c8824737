"""The panel of project databases (SPEC §2): the list, making and adding them, settings, compact, back up, restore.

What cannot be undone or touches others asks first. Long work shows how far it is and goes on when the page goes away.
After each operation the panel shows what is in the database. What the role does not allow is disabled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.jobs import RunningJob
from trackkit.contract.databases import CreatedDatabase, Database, DatabaseInfo, Databases, RemovedDatabase
from trackkit.contract.jobs import Job
from trackkit.domain.accounts import Role
from trackkit.domain.databases import EVERY_START_WARNING, FULL_PATH_WARNING, DatabaseSettings, Place, place_of
from trackkit.domain.declared import fields_of
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.database_tables import browsed, databases_table, information
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.fields import Field, Text
from trackkit.widgets.job_progress import watch
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.session import on_server
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.shown_once import ShownOnce
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background

NAME = Field(
    "name",
    "Name",
    required=True,
    help='Not possible: * | \\ : / > < . ? " — or a full path or postgresql:// URL where this server allows them.',
)
DATABASE_PASSWORD = Field(
    "database_password", "Database password", "secret", help="Only for a postgresql:// URL: of the account in it."
)
ADMINISTRATOR = Field("administrator", "Project administrator", help="The first user of the new project.")
ADMINISTRATOR_PASSWORD = Field(
    "administrator_password", "Administrator's password", "secret", help="Empty: one is made and shown once."
)
SETTINGS = fields_of(DatabaseSettings)
_EXTRA = ("name", "database_password", "administrator", "administrator_password", "template")


def databases_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, trouble: DatabasesPanel(chosen, trouble).widget, server)


class DatabasesPanel:
    """The panel. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self.found: Databases | None = None
        self.list, self.info, self.said = w.HTML(), w.HTML(), Said()
        self.chosen = w.Dropdown(description="Database", options=[])
        self.form_box, self.asking, self.progress, self.secret = w.VBox(), w.VBox(), w.VBox(), w.VBox()
        self.form: DeclaredForm | None = None
        self.code = python_of("server.databases.frame()", server)
        one = {"Information": self.show_info, "Settings": self.edit, "Compact": self.compact, "Back up": self.back_up}
        one["Remove from list"] = self.remove
        new = {"Create": self.create, "Create from template": self.from_template, "Add existing": self.add}
        new["Restore a backup"] = self.restore
        actions = {"Refresh": self.refresh, **one, **new}
        self.buttons = action_buttons(actions, trouble, primary="Create", danger="Remove from list")
        self._one, self._new = tuple(one), tuple(new)
        self.widget = panel(
            title(
                "Project databases",
                f"On {server.name}: make, back up, compact, restore. Files are never deleted.",
            ),
            self.list,
            row(self.chosen, *(self.buttons[words] for words in ("Refresh", *one))),
            row(*(self.buttons[words] for words in new)),
            self.progress,
            self.asking,
            self.form_box,
            self.said,
            self.secret,
            self.info,
            self.code,
        )
        self.refresh()

    @property
    def name(self) -> str:
        """The name of the chosen database; `InvalidInput` when there is none."""
        if self.chosen.value is None:
            raise InvalidInput("No database is chosen.", "Create one, or add an existing one.")
        return str(self.chosen.value)

    def refresh(self, then: Callable[[], None] = lambda: None) -> None:
        """Ask the server for the list and show it."""

        def show(found: Databases) -> None:
            self._show(found)
            then()

        in_background(self.trouble, self._server.databases.list, show, busy=(self.buttons["Refresh"],))

    def _show(self, found: Databases) -> None:
        self.found = found
        offer(self.chosen, [(database.name, database.name) for database in found.databases])
        self.list.value = databases_table(found.databases)
        self._allow()

    def _allow(self) -> None:
        """Only what the role may do, to a database that is there."""
        role, none = Role(self._server.role), self.chosen.value is None
        needs = {"Compact": Role.operator, "Back up": Role.operator, "Information": Role.viewer}
        for words in (*self._one, *self._new):
            self.buttons[words].disabled = not role.covers(needs.get(words, Role.admin)) or (
                words in self._one and none
            )

    def _say(self, words: str, call: str = "") -> None:
        self.said.value = status(shown(words), "tk-good") if words else ""
        if call:
            self.code.code = whole(call, self._server)

    def _database(self) -> Database:
        assert self.found is not None  # noqa: S101 - a name can be chosen only from a list that was shown
        return next(database for database in self.found.databases if database.name == self.name)

    def show_info(self) -> None:
        """Show what is in the chosen database."""
        name = self.name
        self._close()
        in_background(self.trouble, lambda: self._server.databases.show(name), self._tell)
        self.code.code = whole(f"server.databases.show({name!r})", self._server)

    def _tell(self, info: DatabaseInfo) -> None:
        self.info.value = information(info)

    def _ended(self, words: str, name: str) -> None:
        """After an operation: say it, and show the list and what is in that database."""
        self._close()
        self._say(words)

        def look() -> None:
            if (name, name) in self.chosen.options:
                self.chosen.value = name
                in_background(self.trouble, lambda: self._server.databases.show(name), self._tell)

        self.refresh(look)

    def _close(self) -> None:
        self.form_box.children = self.asking.children = self.secret.children = ()
        self.form = None
        self.info.value = self.said.value = ""

    def _place(self, form: DeclaredForm) -> None:
        self._close()
        self.form = form
        self.form_box.children = (form.widget,)

    def _new_form(
        self,
        heading: str,
        save: str,
        before: tuple[Field, ...],
        values: Mapping[str, Any],
        do: Callable[[Values], Any],
        guide: w.Widget | None = None,
    ) -> None:
        """A form with a new name and the settings; warnings are asked about before anything is sent."""

        form = DeclaredForm(
            heading,
            SETTINGS,
            values,
            save,
            self.trouble,
            do,
            self._made,
            self._close,
            before=before,
            warnings=lambda texts: _warnings(str(texts["name"]), bool(texts["compact_every_start"])),
            guide=guide,
        )
        self._place(form)

    def _made(self, made: Any) -> None:
        """What an operation that makes a database answered: the database, or the job that makes it."""
        if isinstance(made, RunningJob):
            self._watch(made)
            return
        created: CreatedDatabase = made
        self._ended(f"Created {created.name}.", created.name)
        if created.administrator_password:
            words = f"The password of {created.administrator} in {created.name}. It is shown this once."
            label = f"Password of {created.administrator}"
            self.secret.children = (ShownOnce(words, label, created.administrator_password),)

    def _watch(self, running: RunningJob) -> None:
        self._close()
        busy = [self.buttons[words] for words in (*self._one, *self._new)]

        def done(job: Job) -> None:
            self._ended(job.words, job.database)
            self._allow()

        watch(self.progress, self.trouble, running, done, busy=busy)

    def create(self) -> None:
        """The form for an empty database."""

        def do(given: Values) -> CreatedDatabase:
            extra, settings = _split(given)
            self.code.code = whole(f"server.databases.create({extra['name']!r}, settings={settings!r})", self._server)
            return self._server.databases.create(
                extra["name"],
                administrator=extra["administrator"] or "administrator",
                administrator_password=extra["administrator_password"] or None,
                database_password=extra["database_password"] or None,
                settings=settings,
            )

        before = (NAME, ADMINISTRATOR, ADMINISTRATOR_PASSWORD, DATABASE_PASSWORD)
        self._new_form("Create a database", "Create it", before, {"administrator": "administrator"}, do)

    def from_template(self) -> None:
        """The form for a database that takes over users, groups and definitions of another."""

        def do(given: Values) -> RunningJob:
            extra, settings = _split(given)
            call = f"create_from_template({extra['name']!r}, {extra['template']!r}, settings={settings!r}).wait()"
            self.code.code = whole(f"server.databases.{call}", self._server)
            return self._server.databases.create_from_template(
                extra["name"],
                extra["template"],
                settings=settings,
                database_password=extra["database_password"] or None,
            )

        choices = tuple(self.chosen.options)
        template = Field("template", "Template", "choice", choices=choices, help="Its records are not copied.")
        values = {"template": self.chosen.value or ""}
        self._new_form("Create from template", "Create it", (NAME, template, DATABASE_PASSWORD), values, do)

    def add(self) -> None:
        """The form for a database that exists, with a look around the server machine."""

        def do(given: Values) -> RunningJob:
            extra, settings = _split(given)
            self.code.code = whole(
                f"server.databases.add({extra['name']!r}, settings={settings!r}).wait()", self._server
            )
            secret = extra["database_password"] or None
            return self._server.databases.add(extra["name"], settings=settings, database_password=secret)

        def chosen(name: str) -> None:
            if self.form is not None:
                self.form.fields.put("name", name)

        look = browsed(self._server, self.trouble, chosen)
        self._new_form("Add an existing database", "Add it", (NAME, DATABASE_PASSWORD), {}, do, look)

    def restore(self) -> None:
        """The form for a new database made of a backup."""

        def form(found: Any) -> None:
            if not found.backups:
                raise InvalidInput("There are no backups yet.", "Back a database up first.")
            choices = tuple(
                (str(b.backup_id), f"{b.database}, {b.made_at:%Y-%m-%d %H:%M:%S} UTC, {b.rows:,} rows")
                for b in found.backups
            )
            backup = Field("template", "Backup", "choice", choices=choices, help="Nothing existing is changed.")
            values = {"template": choices[0][0], "sending": False}
            self._new_form("Restore a backup", "Restore it", (backup, NAME, DATABASE_PASSWORD), values, do)

        def do(given: Values) -> RunningJob:
            extra, settings = _split(given)
            settings["sending"] = False  # a restored project must not mail anybody until somebody wants it to
            number = int(extra["template"])
            self.code.code = whole(f"server.databases.restore({number}, {extra['name']!r}).wait()", self._server)
            secret = extra["database_password"] or None
            return self._server.databases.restore(number, extra["name"], settings=settings, database_password=secret)

        in_background(self.trouble, self._server.databases.backups, form)

    def edit(self, told: Exception | None = None) -> None:
        """The form of the chosen database's settings, as the server has them now; `told` is shown with it."""
        name = self.name

        def place(seen: DatabaseInfo) -> None:
            def send(changes: Values) -> DatabaseInfo:
                self.code.code = whole(f"server.databases.edit({name!r}, {changes!r})", self._server)
                return self._server.databases.edit(name, changes, seen.revision)

            def refused(error: Exception) -> bool:
                if isinstance(error, Conflict):
                    self.edit(told=error)  # what the other one changed is seen in the fresh form
                    return True
                return False

            def warnings(texts: Mapping[str, Text]) -> list[str]:
                every = bool(texts["compact_every_start"]) and not seen.settings["compact_every_start"]
                ends = seen.settings["active"] and not texts["active"] and seen.sessions
                return _warnings("", every) + ([f"{seen.sessions} open project sessions will end."] if ends else [])

            self._place(
                DeclaredForm(
                    f"Settings of {name}",
                    SETTINGS,
                    seen.settings,
                    "Apply",
                    self.trouble,
                    send,
                    lambda info: self._ended("The settings were changed.", info.name),
                    self._close,
                    only_changes=True,
                    warnings=warnings,
                    failed=refused,
                    told=told,
                )
            )

        in_background(self.trouble, lambda: self._server.databases.show(name), place)

    def compact(self) -> None:
        """Compact the chosen database."""
        self._begin(f"compact({self.name!r})", lambda name: self._server.databases.compact(name))

    def back_up(self) -> None:
        """Back the chosen database up; where there are several places for it, they are asked for."""
        roots = self.found.backup_roots if self.found else ()
        if len(roots) < 2:
            self._begin(f"backup({self.name!r})", lambda name: self._server.databases.backup(name))
            return
        name = self.name
        where = Field("root", "Write it to", "choice", choices=tuple((root, root) for root in roots))

        def send(given: Values) -> RunningJob:
            return self._server.databases.backup(name, given["root"])

        values = {"root": roots[0]}
        heading = f"Back up {name}"
        self._place(
            DeclaredForm(heading, {}, values, "Back up", self.trouble, send, self._watch, self._close, before=(where,))
        )

    def _begin(self, call: str, begin: Callable[[str], RunningJob]) -> None:
        name = self.name
        self._close()
        self.code.code = whole(f"server.databases.{call}.wait()", self._server)
        in_background(self.trouble, lambda: begin(name), self._watch)

    def remove(self) -> None:
        """Ask, then take the chosen database out of the list."""
        name = self.name
        self._close()

        def ask(seen: RemovedDatabase) -> None:
            question = (
                f"Take {seen.name} out of the list? {seen.sessions} open project sessions of it end.\n"
                f"Its files stay in {seen.location}; Add existing brings it back."
            )
            confirm(self.asking, question, "Remove from list", do)

        def do() -> None:
            in_background(self.trouble, lambda: self._server.databases.remove(name), removed)

        def removed(gone: RemovedDatabase) -> None:
            self.refresh()
            words = f"{gone.name} is not in the list any more. Its files are in {gone.location}."
            self._say(words, f"server.databases.remove({name!r})")

        in_background(self.trouble, lambda: self._server.databases.remove(name, preview=True), ask)


def _split(given: Values) -> tuple[dict[str, str], dict[str, Any]]:
    """The fields that are no settings, and the settings."""
    extra = {name: str(given.get(name, "") or "") for name in _EXTRA}
    return extra, {name: value for name, value in given.items() if name not in _EXTRA}


def _warnings(name: str, every_start: bool) -> list[str]:
    found = [FULL_PATH_WARNING] if name and place_of(name) is not Place.relative else []
    return found + ([EVERY_START_WARNING] if every_start else [])
