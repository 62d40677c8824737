"""The panel of scheduled tasks (SPEC §10): what the server does by itself, when, what came of it, and doing it now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.jobs import Job
from trackkit.contract.tasks import TaskRow, TaskRuns, Tasks
from trackkit.domain.accounts import Role
from trackkit.domain.declared import Declaration, fields_of
from trackkit.domain.errors import Conflict, InvalidInput
from trackkit.domain.tasks import Task
from trackkit.widgets.confirm import confirm
from trackkit.widgets.declared_form import DeclaredForm, Values
from trackkit.widgets.job_progress import watch
from trackkit.widgets.page import offer, panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.said import Said
from trackkit.widgets.session import on_server
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import Cell, instant, shown, table
from trackkit.widgets.work import in_background

FIELDS = fields_of(Task)
TONES = {"done": "tk-good", "failed": "tk-bad", "cancelled": "tk-warn", "interrupted": "tk-bad", "running": ""}


def tasks_page(server: Server | None = None) -> w.VBox:
    """The page as one widget.

    Parameters
    ----------
    server: a connected server; none = the one this notebook is logged in to, else the log-in form.
    """
    return on_server(lambda chosen, trouble: TasksPanel(chosen, trouble).widget, server)


class TasksPanel:
    """The panel. `widget` is what is shown; the buttons and `form` are for tests, and do what a click does."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._databases: tuple[str, ...] = ()
        self._tasks: dict[str, TaskRow] = {}
        self.list, self.said, self.history = w.HTML(), Said(), w.HTML()
        self.chosen = w.Dropdown(description="Task", options=[])
        self.form_box, self.asking, self.progress = w.VBox(), w.VBox(), w.VBox()
        self.form: DeclaredForm | None = None
        self.code = python_of("server.tasks.frame()", server)
        needs = {"Refresh": Role.viewer, "Add a task": Role.admin, "Run now": Role.operator, "History": Role.viewer}
        self._needs = {**needs, "Edit": Role.admin, "Delete": Role.admin}
        actions = {"Refresh": self.refresh, "Run now": self.run, "History": self.show_history, "Edit": self.edit}
        actions |= {"Delete": self.delete, "Add a task": self.add}
        self.buttons = {words: w.Button(description=words, disabled=True) for words in actions}  # until it is there
        self.buttons["Add a task"].button_style = "primary"
        self.buttons["Delete"].add_class("tk-danger")
        for words, action in actions.items():
            self.buttons[words].on_click(shows_problems(trouble)(lambda _, action=action: action()))
        self.buttons["Refresh"].disabled = False
        self.widget = panel(
            title("Scheduled tasks", f"What {server.name} does by itself: backups and compaction."),
            self.list,
            row(self.chosen, *self.buttons.values()),
            self.progress,
            self.asking,
            self.form_box,
            self.said,
            self.history,
            self.code,
        )
        self.refresh()

    @property
    def name(self) -> str:
        """The name of the chosen task; `InvalidInput` when there is none."""
        if self.chosen.value is None:
            raise InvalidInput("There is no task yet.", "Add one.")
        return str(self.chosen.value)

    def refresh(self, then: Callable[[], None] = lambda: None) -> None:
        """Ask the server for the list and show it."""

        def show(found: tuple[Tasks, tuple[str, ...]]) -> None:
            self._show(*found)
            then()

        def ask() -> tuple[Tasks, tuple[str, ...]]:
            names = tuple(database.name for database in self._server.databases.list().databases)
            return self._server.tasks.list(), names

        in_background(self.trouble, ask, show, busy=(self.buttons["Refresh"],))

    def _show(self, found: Tasks, databases: tuple[str, ...]) -> None:
        self._databases, self._tasks = databases, {task.name: task for task in found.tasks}
        offer(self.chosen, [(name, name) for name in self._tasks])
        self.list.value = tasks_table(found.tasks, found.zone)
        role = Role(self._server.role)
        for words, button in self.buttons.items():
            needs_one = words not in ("Refresh", "Add a task")
            button.disabled = not role.covers(self._needs[words]) or (needs_one and not self._tasks)

    def _close(self) -> None:
        self.form_box.children = self.asking.children = ()
        self.form = None
        self.said.value = self.history.value = ""

    def _say(self, words: str) -> None:
        self.said.value = status(shown(words), "tk-good")

    def _declared(self, present: str = "") -> Mapping[str, Declaration]:
        """The fields; the database is chosen among those there are, and the one a task has."""
        names = tuple(dict.fromkeys(filter(None, (*self._databases, present))))
        return {**FIELDS, "database": replace(FIELDS["database"], kind="choice", choices=names)}

    def add(self) -> None:
        """The form for a new task."""
        if not self._databases:
            raise InvalidInput("There is no database yet.", "Create one first.")

        def send(values: Values) -> TaskRow:
            given = ", ".join(f"{name}={value!r}" for name, value in values.items())
            self.code.code = whole(f"server.tasks.add({given})", self._server)
            return self._server.tasks.add(**values)

        self._place("Add a task", "Add it", {"database": self._databases[0]}, send, "was added", only_changes=False)

    def edit(self, told: Exception | None = None) -> None:
        """The form of the chosen task; `told` is shown with it."""
        task = self._tasks[self.name]

        def send(changes: Values) -> TaskRow:
            self.code.code = whole(f"server.tasks.edit({task.name!r}, {changes!r})", self._server)
            return self._server.tasks.edit(task.name, changes, task.revision)

        self._place(f"Edit {task.name}", "Apply", task.values, send, "was changed", only_changes=True, told=told)

    def _place(
        self,
        heading: str,
        save: str,
        values: Mapping[str, Any],
        send: Callable[[Values], TaskRow],
        outcome: str,
        *,
        only_changes: bool,
        told: Exception | None = None,
    ) -> None:
        self._close()

        def done(task: TaskRow) -> None:
            self._close()
            due = f" Its next run is {instant(task.next_run_at)} UTC." if task.next_run_at else " It is switched off."
            self._say(f"{task.name} {outcome}.{due}")
            self.refresh()

        def failed(error: Exception) -> bool:
            if not (isinstance(error, Conflict) and only_changes):
                return False

            self.refresh(lambda: self.edit(told=error))  # what the other one changed is seen in the fresh form
            return True

        declared = self._declared(str(values.get("database", "")))
        self.form = DeclaredForm(
            heading,
            declared,
            values,
            save,
            self.trouble,
            send,
            done,
            self._close,
            only_changes=only_changes,
            failed=failed,
            told=told,
        )
        self.form_box.children = (self.form.widget,)

    def run(self) -> None:
        """Run the chosen task now."""
        name = self.name
        self._close()
        self.code.code = whole(f"server.tasks.run({name!r}).wait()", self._server)

        def done(job: Job) -> None:
            self._say(job.words)
            self.refresh()

        busy = tuple(self.buttons.values())
        in_background(
            self.trouble,
            lambda: self._server.tasks.run(name),
            lambda running: watch(self.progress, self.trouble, running, done, busy=busy),
        )

    def show_history(self) -> None:
        """Show what the chosen task did."""
        name = self.name
        self._close()
        self.code.code = whole(f"server.tasks.history_frame({name!r})", self._server)

        def show(found: TaskRuns) -> None:
            self.history.value = history_table(name, found)

        in_background(self.trouble, lambda: self._server.tasks.history(name), show)

    def delete(self) -> None:
        """Ask, then delete the chosen task."""
        name = self.name
        self._close()

        def deleted(_: object) -> None:
            self.code.code = whole(f"server.tasks.delete({name!r})", self._server)
            self._say(f"{name} was deleted. Its backups and its history stay.")
            self.refresh()

        def do() -> None:
            in_background(self.trouble, lambda: self._server.tasks.delete(name), deleted)

        question = f"Delete the task {name}? It is not done any more. Backups it made, and its history, stay."
        confirm(self.asking, question, "Delete the task", do)


def tasks_table(tasks: Sequence[TaskRow], zone: str) -> str:
    """The list."""
    tones = [TONES.get(task.last_state or "", "") for task in tasks]
    rows = [
        (
            Cell(task.name, "tk-text"),
            Cell(f"{task.values['kind']} {task.values['database']}", "tk-text", below=_keeps(task)),
            Cell(str(task.values["schedule"]), "tk-fixed"),
            Cell(instant(task.next_run_at) if task.next_run_at else "switched off", "tk-fixed"),
            Cell(instant(task.last_run_at), "tk-fixed"),
            Cell(task.last_state or "–", "tk-text", tone=tone, below=(task.last_words,)),
        )
        for task, tone in zip(tasks, tones, strict=True)
    ]
    titles = ("Name", "What", f"Schedule ({zone})", "Next run (UTC)", "Last run (UTC)", "Last result")
    return table("Scheduled tasks", titles, rows, "There are no tasks yet. A nightly backup is a good first one.")


def _keeps(task: TaskRow) -> tuple[str, ...]:
    keep, root = task.values.get("keep"), task.values.get("root")
    return tuple(words for words, given in ((f"keeps {keep} backups", keep), (f"in {root}", root)) if given)


def history_table(name: str, found: TaskRuns) -> str:
    """What a task did, newest first."""
    rows = [
        (
            Cell(instant(run.started_at), "tk-fixed"),
            Cell(instant(run.ended_at), "tk-fixed"),
            Cell(run.state, tone=TONES.get(run.state, "")),
            Cell(run.words, "tk-text"),
            Cell(run.started_by or ("a missed run, after the start" if run.missed else "its schedule")),
        )
        for run in found.runs
    ]
    titles = ("Started (UTC)", "Ended (UTC)", "Result", "What came of it", "Started by")
    return f"<h3>History of {shown(name)}</h3>" + table(f"History of {name}", titles, rows, "It has never run.")
