"""CSV files into a project on a page: all rows or none, faulty cells as a table, and a check that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import ipywidgets as w

from trackkit.client.project import Project
from trackkit.contract.jobs import Job
from trackkit.domain.errors import ImportRefused, InvalidInput, Problem
from trackkit.domain.project.kinds import KindInfo
from trackkit.widgets.job_progress import watch
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, show, shows_problems, status
from trackkit.widgets.tables import Cell, shown, table
from trackkit.widgets.work import in_background

MANY = 200
"""Faulty cells shown on a page; the rest is counted."""


class ProjectImport:
    """The form. `widget` is what is shown; `choose` and `begin` do what the browser and the buttons do."""

    def __init__(self, project: Project, info: KindInfo, trouble: Trouble, imported: Callable[[], None]) -> None:
        self._project, self._info, self._trouble, self._imported = project, info, trouble, imported
        self._file: tuple[str, bytes] | None = None
        fields = [field.name for field in info.fields.values()]
        self.upload = w.FileUpload(description="Choose a CSV file", accept=".csv,text/csv", multiple=False)
        self.change = w.Checkbox(description="Rows whose key exists change that item", indent=False)
        self.check, self.go = w.Button(description="Only check"), w.Button(description="Import")
        self.go.button_style = "primary"
        self.chosen, self.result, self.progress = w.HTML(), w.HTML(), w.VBox()
        self.upload.observe(shows_problems(trouble)(lambda _: self._chosen()), names="value")
        self.check.on_click(shows_problems(trouble)(lambda _: self.begin(preview=True)))
        self.go.on_click(shows_problems(trouble)(lambda _: self.begin(preview=False)))
        hint = w.HTML(
            "<p class='tk-hint'>UTF-8, the first line names the columns: "
            f"{shown(', '.join(['key', *fields]))}. Dates are YYYY-MM-DD. All rows are imported, or none.</p>"
        )
        heading = title(f"Import {info.titles.lower()}", level=3)
        choose = row(self.upload, self.chosen, self.change)
        actions = row(self.check, self.go, kind="tk-actions")
        self.widget = w.VBox([heading, hint, choose, actions, self.progress, self.result])

    def _chosen(self) -> None:
        if self.upload.value:
            (given,) = self.upload.value
            self.choose(str(given["name"]), bytes(given["content"]))

    def choose(self, name: str, content: bytes) -> None:
        """Take a file."""
        self._file = (name, content)
        self.result.value = ""
        self.chosen.value = f"<span>{shown(name)}</span>"

    def begin(self, *, preview: bool) -> None:
        """Import the chosen file, or only check it."""
        if self._file is None:
            raise InvalidInput("No file is chosen.", "Choose a CSV file first.")
        (name, content), change = self._file, bool(self.change.value)
        self.result.value = ""

        def failed(error: Exception) -> bool:
            if not isinstance(error, ImportRefused):
                return False
            show(self._trouble, None)
            self.result.value = refused_table(name, error)
            return True

        def done(job: Job) -> None:
            self.result.value = status(shown(job.words), "tk-good")
            if not preview:
                self._imported()

        in_background(
            self._trouble,
            lambda: self._project.import_csv(self._info.kind, content, change=change, preview=preview),
            lambda job: watch(self.progress, self._trouble, job, done, busy=(self.check, self.go), failed=failed),
            busy=(self.check, self.go),
            failed=failed,
        )


def refused_table(name: str, error: ImportRefused) -> str:
    """The faulty cells of a refused import."""
    head = status(f"<strong>{shown(error.message)}</strong> {shown(error.advice)}", "tk-bad", role="alert")
    more = len(error.problems) - MANY
    rest = f"<p class='tk-hint'>and {more:,} more</p>" if more > 0 else ""
    return (
        head
        + table(f"Faulty cells of {name}", ("Row of data", "Column", "Problem"), _cells(error.problems[:MANY]), "")
        + rest
    )


def _cells(problems: Iterable[Problem]) -> list[tuple[Cell, Cell, Cell]]:
    parts = [(*problem.field.partition("."), problem.message) for problem in problems]
    return [(Cell(line, "tk-number"), Cell(column), Cell(words, "tk-text")) for line, _, column, words in parts]
