"""Suggest settings: asked for an address or a domain, shown with where they are from; choosing one fills the form.

Nothing is saved here: what is chosen stands in the form as if it had been typed, for the person to look at and apply.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.suggest import Candidate, SourceTold, Suggestions
from trackkit.domain.errors import InvalidInput
from trackkit.domain.options import catalogue
from trackkit.domain.text import counted
from trackkit.widgets.fields import Field, Fields, Section
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background, long_work

_PURPOSE = (
    "From the DNS, the domain's web server, the mail hosts themselves, and Thunderbird where this notebook runs. "
    "Nobody logs in, nothing is sent; choosing one only fills the form."
)
_LONGEST = 2_000
"""Characters of a sentence that are shown; the reasons of a dozen hosts are long."""

_FIELDS = (
    Field("about", "E-mail address or domain", help="The account that mail shall be sent by: me@example.com."),
    Field("host", "Host", help="Empty: the domain's own. A host that is named may lie in a private network."),
    Field("private", "Look in private networks, too", "yes/no", help="For a domain whose mail hosts are inside."),
)


class SuggestForm:
    """The form. `widget` is what is shown; `fields`, `look` and `use` are for tests, and do what typing and clicks do.

    Parameters
    ----------
    chosen: gets the suggestion that was chosen.
    """

    def __init__(
        self, server: Server, trouble: Trouble, chosen: Callable[[Candidate], None], close: Callable[[], None]
    ) -> None:
        self._server, self._chosen = server, chosen
        self.trouble = trouble.another()
        self.fields = Fields([Section("", _FIELDS)], {"about": "", "host": "", "private": False})
        self.look_button = w.Button(description="Look", button_style="primary")
        self.close_button = w.Button(description="Close")
        self.look_button.on_click(lambda _: self.look())
        self.close_button.on_click(lambda _: close())
        self.fields.when_entered(self.look)
        self.progress, self.said, self.found = w.VBox(), Said(), w.VBox()
        self.use: list[w.Button] = []
        self.code = python_of("server.mail.suggest(thunderbird=True)", server)
        self.widget = w.VBox(
            [
                title("Suggest settings", _PURPOSE),
                self.fields,
                self.trouble.widget,
                row(self.close_button, self.look_button, kind="tk-actions"),
                self.progress,
                self.said,
                self.found,
                self.code,
            ]
        )
        self._looked = False
        self.fields.focus_on("about")
        in_background(self.trouble, lambda: server.mail.suggest(thunderbird=True), self._begin_with)

    def look(self) -> None:
        """Look for what is typed."""
        values = self.fields.values
        about, host = str(values["about"]).strip(), str(values["host"]).strip()
        hosts, private = [host] if host else [], bool(values["private"])
        self.fields.messages = {}
        if not about:
            self.fields.messages = {"about": "is empty"}
            self.fields.focus_on("about")
            return
        more = (f", hosts={hosts!r}" if host else "") + (", private=True" if private else "")
        self.code.code = whole(f"server.mail.suggest({about!r}{more}, thunderbird=True)", self._server)
        self.said.value, self._looked = "", True
        self._show_candidates(Suggestions(about=about, candidates=(), sources=()))
        long_work(
            self.progress,
            f"Looking for {about}, at most 20 seconds",
            self.trouble,
            lambda _: self._server.mail.suggest(about, hosts=hosts, private=private, thunderbird=True),
            self._show,
            busy=(self.look_button,),
            failed=self._refused,
            abandoned=lambda _: None,
        )

    def _begin_with(self, thunderbird: Suggestions) -> None:
        """Thunderbird's accounts, unless somebody was faster and looks for more already."""
        if not self._looked:
            self._show_candidates(thunderbird)

    def _show(self, found: Suggestions) -> None:
        many = counted(len(found.candidates), "suggestion")
        words, tone = (f"{many}.", "tk-good") if found.candidates else ("Nothing was found.", "tk-warn")
        lines = "".join(map(_told, found.sources))
        self.said.value = status(f'<strong class="{tone}">{words}</strong><ul>{lines}</ul>', "")
        self._show_candidates(found)

    def _show_candidates(self, found: Suggestions) -> None:
        rows = []
        self.use = []
        for one in found.candidates:
            button = w.Button(description=one.fix.words)
            button.on_click(shows_problems(self.trouble)(lambda _, one=one: self._chosen(one)))
            self.use.append(button)
            rows.append(w.VBox([w.HTML(_described(one)), row(button)]))
        self.found.children = tuple(rows)

    def _refused(self, error: Exception) -> bool:
        if isinstance(error, InvalidInput):
            at = {"about": "about", "hosts": "host"}
            self.fields.messages = {at[p.field]: p.message for p in error.problems if p.field in at}
        return bool(self.fields.messages)


def _told(one: SourceTold) -> str:
    return f"<li>{shown(one.source.replace('_', ' '))}: {shown(one.words, _LONGEST)}</li>"


def _described(one: Candidate) -> str:
    """A suggestion: what it would set, where it is from, what is known of it."""
    known = catalogue()
    values = [f"{known[name].title}: {known[name].text(v)}" for name, v in one.changes.items() if v is not None]
    lines = [*one.words]
    if one.needs:
        lines.append(f"To be given besides: {', '.join(known[name].title for name in one.needs if name in known)}.")
    items = "".join(f"<li>{shown(line, _LONGEST)}</li>" for line in lines)
    tone = "tk-good" if one.answered else "tk-warn"
    words = (
        f'<strong class="{tone}">{shown(one.where)}</strong><br>{shown("; ".join(values), _LONGEST)}<ul>{items}</ul>'
    )
    return status(words, "", role="group")
