"""Files of a record on a page: the list with downloads, attaching one, removing one after a question."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape

import ipywidgets as w

from trackkit.client.project import Project
from trackkit.contract.project import FileContent, FileInfo, Files
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.kind import Kind
from trackkit.widgets.confirm import confirm
from trackkit.widgets.database_tables import octets
from trackkit.widgets.page import offer, row, title
from trackkit.widgets.problems import Trouble, shows_problems
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background


def download(name: str, content: bytes, words: str) -> str:
    """A link that saves `content` under `name`; the browser opens nothing of it."""
    data = base64.b64encode(content).decode()
    return (
        f'<p><a download="{escape(name)}" href="data:application/octet-stream;base64,{data}">{shown(words)}</a> '
        f'<span class="tk-hint">{octets(len(content))}</span></p>'
    )


class ProjectFiles:
    """The files of one record. `widget` is what is shown; the rest is for tests, and does what a click does."""

    def __init__(
        self, project: Project, kind: Kind, key: str, trouble: Trouble, changed: Callable[[], None], *, may_edit: bool
    ) -> None:
        self._project, self._kind, self._key = project, kind, key
        self._trouble, self._changed = trouble, changed
        self.choice = w.Dropdown(description="File", options=[])
        self.upload = w.FileUpload(description="Attach a file", multiple=False, disabled=not may_edit)
        self.fetch = w.Button(description="Fetch", disabled=True)
        self.remove = w.Button(description="Remove file", disabled=True)
        self.remove.add_class("tk-danger")
        self.link, self.asking, self._may_edit = w.HTML(), w.VBox(), may_edit
        self.fetch.on_click(shows_problems(trouble)(lambda _: self.download()))
        self.remove.on_click(shows_problems(trouble)(lambda _: self.detach()))
        self.upload.observe(shows_problems(trouble)(lambda _: self._attach()), names="value")
        heading = title(f"Files of {kind.replace('_', ' ')} {key}", level=3)
        controls = row(self.choice, self.fetch, self.remove, self.upload)
        self.widget = w.VBox([heading, controls, self.asking, self.link])
        self.refresh()

    def refresh(self) -> None:
        """Ask for the list again."""
        in_background(self._trouble, lambda: self._project.files(self._kind, self._key), self._show)

    def _show(self, found: Files) -> None:
        offer(self.choice, [(f"{file.name} ({octets(file.size)})", file.file_id) for file in found.files])
        self.fetch.disabled = not found.files
        self.remove.disabled = not (found.files and self._may_edit)

    @property
    def _chosen(self) -> int:
        if self.choice.value is None:
            raise InvalidInput("No file is chosen.", "Attach one first.")
        return int(self.choice.value)

    def download(self) -> None:
        """Fetch the chosen file and offer it for saving."""
        file_id = self._chosen

        def show(file: FileContent) -> None:
            self.link.value = download(file.name, file.content, f"Save {file.name}")

        in_background(self._trouble, lambda: self._project.file(file_id), show, busy=(self.fetch,))

    def _attach(self) -> None:
        if not self.upload.value:
            return
        (given,) = self.upload.value
        name, content = str(given["name"]), bytes(given["content"])
        self.upload.value = ()
        in_background(
            self._trouble,
            lambda: self._project.attach(self._kind, self._key, name, content),
            self._done,
            busy=(self.upload,),
        )

    def detach(self) -> None:
        """Ask, then remove the chosen file."""
        file_id, name = self._chosen, self.choice.label

        def do() -> None:
            in_background(self._trouble, lambda: self._project.detach(file_id), self._done)

        confirm(self.asking, f"Remove the file {name}? It cannot be brought back.", "Remove it", do)

    def _done(self, _: FileInfo | object) -> None:
        self.link.value = ""
        self.refresh()
        self._changed()
