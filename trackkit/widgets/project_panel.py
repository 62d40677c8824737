"""One project on a page: log in as one of its users, look at everything it holds, work on it, import and export.

What the user's security groups do not allow is disabled. Deleting asks first; changes are refused when somebody else
was faster.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.project import Project
from trackkit.contract.project import Item, Items
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.project.commands import Verb, command
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.widgets.confirm import confirm
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.email_panel import EmailPanel, may_view_some
from trackkit.widgets.grid import Grid
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.project_files import ProjectFiles, download
from trackkit.widgets.project_import import ProjectImport
from trackkit.widgets.project_log_in import ProjectLogIn
from trackkit.widgets.project_rows import NUMBER, ItemRows, ItemView, columns
from trackkit.widgets.record_view import RecordView
from trackkit.widgets.said import Said
from trackkit.widgets.session import on_server
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.template_editor import TemplateTrial
from trackkit.widgets.work import in_background, long_work

ORDER = (*RECORD_KINDS, *(kind for kind, info in KINDS.items() if info.generic and not info.record))


def project_page(server: Server | None = None) -> w.VBox:
    """The page as one widget: first the log-in to a project, then the project.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """

    def build(chosen: Server, trouble: Trouble) -> w.Widget:
        body = w.VBox()

        def log_in() -> None:
            body.children = (ProjectLogIn(chosen, trouble, opened).widget,)

        def opened(project: Project) -> None:
            body.children = (ProjectPanel(chosen, project, trouble, log_in).widget,)

        log_in()
        return body

    return on_server(build, server)


class ProjectPanel:
    """The panel. `widget` is what is shown; the controls and `form` are for tests, and do what a click does.

    Parameters
    ----------
    left: called after *Log out*. None = the session is the page's, as in the web client: the panel is all there is on
        it, cannot log out, and shows no Python, which people who use a project have no use for.
    """

    def __init__(self, server: Server, project: Project, trouble: Trouble, left: Callable[[], None] | None) -> None:
        self._server, self.project, self._trouble, self._left = server, project, trouble, left
        offered = [(KINDS[kind].titles, kind) for kind in ORDER if self.may(kind, "view")]
        emails = [("E-mails", Kind.tracked_email)] if may_view_some(project) else []
        self.kind = w.Dropdown(options=[*offered[: len(RECORD_KINDS)], *emails, *offered[len(RECORD_KINDS) :]])
        self.kind.description = "Show"
        self.filter = w.Dropdown(options=[("no filter", "")], description="Filter")
        self.where = w.Text(description="Where", placeholder="status=open, priority!=low", continuous_update=False)
        self.text = w.Text(description="Search", placeholder="in all texts", continuous_update=False)
        self.count, self.said, self.saved = w.HTML(), Said(), w.HTML()
        self.grid_box, self.below, self.asking, self.progress = w.VBox(), w.VBox(), w.VBox(), w.VBox()
        self.form: DeclaredForm | None = None
        self.record: RecordView | None = None
        self.emails: EmailPanel | None = None
        self.trial: TemplateTrial | None = None
        actions = {"Open": self.open, "Add": self.add, "Edit": self.edit, "Delete": self.delete}
        actions |= {"Files": self.show_files, "Import CSV": self.import_csv, "Export CSV": self.export}
        if left is not None:
            actions["Log out"] = self.log_out
        self.buttons = {words: w.Button(description=words) for words in actions}
        self.buttons["Add"].button_style = "primary"
        self.buttons["Delete"].add_class("tk-danger")
        for words, action in actions.items():
            self.buttons[words].on_click(shows_problems(trouble)(lambda _, action=action: action()))
        self.code = python_of("", server)
        work = row(*self.buttons.values())
        self._of_items = (self.filter, self.where, self.text, work)
        reached = f"Project on {server.name}, as {project.username}."
        self.widget = panel(
            title(project.database, reached, level=2 if left else 1),
            row(self.kind, self.filter, self.where, self.text),
            self.count,
            self.grid_box,
            work,
            self.progress,
            self.asking,
            self.said,
            self.saved,
            self.below,
            *([self.code] if left else []),
        )
        self.kind.observe(shows_problems(trouble)(lambda _: self.change_kind()), names="value")
        for control in (self.filter, self.where, self.text):
            control.observe(shows_problems(trouble)(lambda _: self.look()), names="value")
        self.change_kind()

    def may(self, kind: Kind, verb: Verb) -> bool:
        """Whether the user's groups gave that command at the log-in."""
        return command(kind, verb) in self.project.commands

    @property
    def _kind(self) -> Kind:
        if self.kind.value is None:
            raise InvalidInput("Your security groups let you see nothing.", "Ask an administrator of the project.")
        return Kind(self.kind.value)

    @property
    def _key(self) -> str:
        chosen = next(iter(self.grid.selected_ids), None)
        if chosen is None:
            raise InvalidInput("Nothing is selected.", "Click a row first.")
        return chosen

    def change_kind(self) -> None:
        """Show another kind: its columns, and the filters saved for it; or the e-mails of all records."""
        info = KINDS[self._kind]
        self._close()
        for control in self._of_items:
            control.layout.display = None if info.generic else "none"
        if not info.generic:
            self.count.value = ""
            self.emails = EmailPanel(self.project, None, self._trouble, shows=self._shows)
            self.grid_box.children = (self.emails.widget,)
            return
        self.grid = Grid(
            info.titles,
            columns(info),
            ItemRows(self.project, info.kind),
            sort=NUMBER,
            empty=f"No {info.titles.lower()} match.",
            multiple=False,
            trouble=self._trouble,
        )
        self.grid.on_show(lambda: self._counted(info.titles))
        self.grid.on_select(self._allow)
        if info.record:
            self.grid.on_open(lambda _: self.open())
        elif self.may(info.kind, "edit"):
            self.grid.on_open(lambda _: self.edit())
        self.grid_box.children = (self.grid.widget,)
        self.filter.options = [("no filter", "")]
        self.look()
        self._allow()
        if self.may(Kind.filter, "view") and info.record:
            where = [f"record_kind={info.kind}"]
            in_background(self._trouble, lambda: self.project.list(Kind.filter, where), self._offer)

    def _offer(self, found: Items) -> None:
        self.filter.options = [("no filter", ""), *((item.key, item.key) for item in found.items)]

    @property
    def view(self) -> ItemView:
        """What is asked for."""
        conditions = tuple(part.strip() for part in self.where.value.split(",") if part.strip())
        return ItemView(conditions, self.filter.value or None, self.text.value or None)

    def look(self) -> None:
        """Show what matches the filter, the conditions and the text."""
        self.grid.show(self.view)
        self._shows(f"project.frame({self.view.as_python(self._kind)})")

    def _shows(self, call: str) -> None:
        log_in = f"project = server.project({self.project.database!r}, {self.project.username!r})"
        self.code.code = whole(f"{log_in}  # its password: TRACKKIT_PROJECT_PASSWORD\n{call}", self._server)

    def _counted(self, titles: str) -> None:
        self.count.value = f'<p class="tk-hint" role="status">{titles} that match: {self.grid.total:,}</p>'

    def _allow(self) -> None:
        kind, chosen = self._kind, bool(self.grid.selected_ids)
        allowed = {
            "Open": chosen and kind in RECORD_KINDS,
            "Add": self.may(kind, "add"),
            "Edit": chosen and self.may(kind, "edit"),
            "Delete": chosen and self.may(kind, "delete"),
            "Files": chosen and kind in RECORD_KINDS,
            "Import CSV": self.may(kind, "add"),
        }
        for words, allow in allowed.items():
            self.buttons[words].disabled = not allow

    def _close(self) -> None:
        self.below.children = self.asking.children = ()
        self.form = self.record = self.trial = None
        self.said.value = self.saved.value = ""

    def _say(self, words: str) -> None:
        self._close()
        self.said.value = status(shown(words), "tk-good")
        self.grid.refresh()

    def open(self) -> None:
        """The selected record with its conversation and its e-mails."""
        kind, key = self._kind, self._key
        self._close()
        self.record = RecordView(self.project, kind, key, self._trouble, self._close, self._shows)
        self.below.children = (self.record.widget,)
        self._shows(f"project.show({str(kind)!r}, {key!r})")

    def add(self) -> None:
        """The form for a new item."""
        info = KINDS[self._kind]

        def send(values: Values) -> Item:
            given = {
                name: value for name, value in values.items() if not _empty_secret(info.fields[name].secret, value)
            }
            plain = {name: value for name, value in given.items() if not info.fields[name].secret}
            self._shows(f"project.add({str(info.kind)!r}, **{plain!r})")
            return self.project.add(info.kind, **given)

        self._place(
            DeclaredForm(
                f"Add: {info.title}",
                info.fields,
                {},
                "Add it",
                self._trouble,
                send,
                lambda item: self._say(f"{info.title} {item.key} was added."),
                self._close,
            )
        )

    def edit(self, told: Exception | None = None) -> None:
        """The form of the selected item, as the server has it now; `told` is shown with it."""
        info, key = KINDS[self._kind], self._key

        def place(item: Item) -> None:
            def send(changes: Values) -> Item:
                plain = {name: value for name, value in changes.items() if not info.fields[name].secret}
                self._shows(f"project.edit({str(info.kind)!r}, {key!r}, {plain!r})")
                return self.project.edit(info.kind, key, changes, item.revision)

            def failed(error: Exception) -> bool:
                if isinstance(error, Conflict):
                    self.edit(told=error)  # what the other one changed is seen in the fresh form
                    return True
                return False

            form = DeclaredForm(
                f"{info.title} {key}",
                info.fields,
                item.values,
                "Apply",
                self._trouble,
                send,
                lambda changed: self._say(f"{info.title} {changed.key} was changed."),
                self._close,
                only_changes=True,
                failed=failed,
                told=told,
            )
            form.fields.is_set = list(item.set_secrets)
            self._place(form)

        in_background(self._trouble, lambda: self.project.show(info.kind, key), place)

    def _place(self, form: DeclaredForm) -> None:
        self._close()
        self.form = form
        self.below.children = (form.widget,)
        if self._kind is Kind.template:
            self.trial = TemplateTrial(self.project, form.fields, self._trouble)
            self.below.children = (form.widget, self.trial.widget)

    def delete(self) -> None:
        """Ask, then delete the selected item."""
        info, key = KINDS[self._kind], self._key
        self._close()

        def do() -> None:
            self._shows(f"project.delete({str(info.kind)!r}, {key!r})")
            in_background(
                self._trouble,
                lambda: self.project.delete(info.kind, key),
                lambda _: self._say(f"{info.title} {key} was deleted."),
            )

        question = f"Delete the {info.title.lower()} {key}? It cannot be brought back; what refers to it is told."
        confirm(self.asking, question, "Delete it", do)

    def show_files(self) -> None:
        """The files of the selected record."""
        kind, key = self._kind, self._key
        self._close()
        may_edit = self.may(kind, "edit")
        files = ProjectFiles(self.project, kind, key, self._trouble, self.grid.refresh, may_edit=may_edit)
        self.below.children = (files.widget,)
        self._shows(f"project.files({str(kind)!r}, {key!r})")

    def import_csv(self) -> None:
        """The form to import a CSV file."""
        info = KINDS[self._kind]
        self._close()
        self.below.children = (ProjectImport(self.project, info, self._trouble, self.grid.refresh).widget,)
        self._shows(f"project.import_csv({str(info.kind)!r}, 'file.csv').wait()")

    def export(self) -> None:
        """What matches, as a CSV file to save."""
        kind, view = self._kind, self.view
        self._close()
        self._shows(f"project.export_csv({view.as_python(kind)})")

        def work(_: object) -> bytes:
            return self.project.export_csv(kind, view.where, filter=view.filter, text=view.text)

        def show(content: bytes) -> None:
            self.saved.value = download(f"{kind}.csv", content, f"Save {kind}.csv")

        words = f"Fetching {KINDS[kind].titles.lower()} …"
        long_work(self.progress, words, self._trouble, work, show, abandoned=lambda _: None)

    def log_out(self) -> None:
        """End the project session."""
        in_background(self._trouble, self.project.close, lambda _: self._left() if self._left else None)


def _empty_secret(secret: bool, value: object) -> bool:
    return secret and not value
