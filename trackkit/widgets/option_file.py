"""Options as a file on a page: download them, and see what an uploaded file would change before it is applied."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.options import decoded
from trackkit.contract.options import OptionsFile, OptionsState, Plan
from trackkit.domain.accounts import Role
from trackkit.widgets.confirm import confirm
from trackkit.widgets.option_plan import plan_html, question
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import shows_problems, status
from trackkit.widgets.project_files import download
from trackkit.widgets.session import trouble_for
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background

NAME = "trackkit-options.toml"
_READ = 'from pathlib import Path\n\nfile = Path("trackkit-options.toml")\n'


class OptionFilePanel:
    """The card. `widget` is what is shown; the rest is for tests, and does what a click does.

    Parameters
    ----------
    changed: gets the state of the server after a file was applied.
    """

    def __init__(self, server: Server, changed: Callable[[OptionsState], None]) -> None:
        self._server, self._changed = server, changed
        self._text = ""
        self._plan: Plan | None = None
        self.trouble = trouble_for(server)
        self.everything = w.Checkbox(description="Also options that have their default", indent=False)
        self.export = w.Button(description="Export")
        self.upload = w.FileUpload(description="Choose a file", accept=".toml", multiple=False)
        self.apply = w.Button(description="Apply the file", button_style="primary", disabled=True)
        self.link, self.plan, self.said, self.asking = w.HTML(), w.HTML(), w.HTML(), w.VBox()
        self.code = python_of("print(server.options.export().text)", server)
        self.export.on_click(shows_problems(self.trouble)(lambda _: self.download()))
        self.apply.on_click(shows_problems(self.trouble)(lambda _: self.ask()))
        self.upload.observe(shows_problems(self.trouble)(lambda _: self._uploaded()), names="value")
        purpose = "For version control and for other servers. A file never holds a secret, but may refer to one."
        self.widget = panel(
            title("Options as a file", purpose),
            row(self.export, self.everything),
            self.link,
            row(self.upload),
            self.plan,
            self.trouble.widget,
            self.asking,
            self.said,
            row(self.apply, kind="tk-actions"),
            self.code,
        )

    def download(self) -> None:
        """Fetch the options and offer them for saving."""
        everything = bool(self.everything.value)

        def show(found: OptionsFile) -> None:
            self.code.code = whole(f"print(server.options.export(everything={everything}).text)", self._server)
            self.link.value = download(NAME, found.text.encode(), f"Save {NAME}")
            if found.secrets:
                words = f"Set, but in no file: {', '.join(found.secrets)}."
                self.link.value += f'<p class="tk-hint">{shown(words)}</p>'

        self.said.value = ""
        in_background(self.trouble, lambda: self._server.options.export(everything), show, busy=(self.export,))

    def _uploaded(self) -> None:
        if not self.upload.value:
            return
        (given,) = self.upload.value
        content = bytes(given["content"])
        self.upload.value = ()
        self.forget()
        self.look(decoded(content, str(given["name"])))

    def forget(self) -> None:
        """Show no file any more."""
        self._text, self._plan = "", None
        self.plan.value = self.said.value = ""
        self.asking.children = ()
        self.apply.disabled = True

    def look(self, text: str) -> None:
        """Show what a file would change."""

        def show(plan: Plan) -> None:
            self._text, self._plan = text, plan
            self.plan.value = plan_html(plan)
            self.apply.disabled = not plan.changes or Role(self._server.role) is not Role.admin
            self.code.code = whole(f"{_READ}server.options.plan(file)", self._server)

        in_background(self.trouble, lambda: self._server.options.plan(text), show, busy=(self.upload,))

    def ask(self) -> None:
        """Ask, then apply the file that is shown."""
        if self._plan is not None:
            confirm(self.asking, question(self._plan, "Change"), "Apply the file", self._do)

    def _do(self) -> None:
        text, plan = self._text, self._plan
        revisions = dict(plan.revisions) if plan is not None else {}

        def done(state: OptionsState) -> None:
            self.forget()
            self.said.value = status("The file was applied.", "tk-good")
            self.code.code = whole(
                f"{_READ}plan = server.options.plan(file)\nserver.options.apply(file, plan.revisions)", self._server
            )
            self._changed(state)

        in_background(self.trouble, lambda: self._server.options.apply(text, revisions), done, busy=(self.apply,))
