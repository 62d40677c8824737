"""What was fetched, and the quarantine: the list, every rule's verdict about one mail, reprocessing and discarding.

An `.eml` can be dropped here to see what would become of it. Discarding asks first.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.databases import Databases
from trackkit.contract.inbox import Discarded, InboxMail, Replay
from trackkit.domain.text import counted
from trackkit.domain.tracking.inbox import InboxState
from trackkit.widgets.actions import action_buttons
from trackkit.widgets.confirm import confirm
from trackkit.widgets.drop_file import DropFile
from trackkit.widgets.grid import Grid
from trackkit.widgets.inbox_rows import COLUMNS, NEWEST_FIRST, InboxFilter, InboxRows
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.replay_view import ReplayView
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import visible
from trackkit.widgets.tracking_tables import STATE_WORDS
from trackkit.widgets.work import in_background

_PURPOSE = (
    "Every mail that was fetched, and what became of it. Look into one to see why, and put right what went wrong."
)
_LARGEST = 64 * 1024 * 1024
_VIEWS = (("in quarantine", "quarantined"), ("all", ""), *((words, s) for s, words in STATE_WORDS.items()))


class InboxPanel:
    """The panel. `widget` is what is shown; the buttons, `grid` and `view` are for tests, and do what a click does.

    Parameters
    ----------
    changed: called when something else became of a mail.
    """

    def __init__(self, server: Server, trouble: Trouble, changed: Callable[[], None] = lambda: None) -> None:
        self._server, self.trouble, self._changed = server, trouble.another(), changed
        self._databases: tuple[str, ...] = ()
        self.view: ReplayView | None = None
        choices = list(dict(_VIEWS).items())
        self.state = w.Dropdown(options=choices, value="quarantined", description="Show")
        self.text = w.Text(description="Search", placeholder="subject or address", continuous_update=False)
        self.like = w.Dropdown(options=[("the server's mailbox", "")], description="As if it came through")
        self.drop = DropFile("Choose an .eml", ".eml,message/rfc822", _LARGEST, self._dropped)
        self.grid = Grid(
            "Fetched mail",
            COLUMNS,
            InboxRows(server),
            sort=NEWEST_FIRST,
            empty="No mail matches. What is in quarantine waits here for somebody.",
            trouble=self.trouble,
        )
        self.said, self.asking, self.detail = Said(), w.VBox(), w.VBox()
        self.code = python_of("server.tracking.frame(['quarantined'])", server)
        self.buttons = action_buttons(
            {"Refresh": self.grid.refresh, "Look into it": self._open_selected, "Discard": self.discard},
            self.trouble,
            primary="Look into it",
            danger="Discard",
        )
        hint = "<p class='tk-hint'>Enter or a double click looks into a mail. Space, Ctrl and Shift select.</p>"
        self.widget = panel(
            title("Fetched mail and quarantine", _PURPOSE),
            self.trouble.widget,
            row(self.state, self.text),
            self.grid.widget,
            w.HTML(hint),
            row(*self.buttons.values()),
            self.asking,
            self.said,
            self.detail,
            w.HTML("<h3>What would become of a mail?</h3>"),
            row(self.drop, self.like),
            self.code,
        )
        for control in (self.state, self.text):
            control.observe(lambda _: self.look(), names="value")
        self.grid.on_open(self.open)
        self.grid.on_select(self._allow)
        in_background(self.trouble, server.databases.list, self._offer)
        self.look()

    def _offer(self, found: Databases) -> None:
        self._databases = tuple(one.name for one in found.databases)
        self.like.options = [("the server's mailbox", ""), *((f"that of {name}", name) for name in self._databases)]

    def look(self) -> None:
        """Show what matches from the newest on."""
        states = (InboxState(self.state.value),) if self.state.value else ()
        wanted = InboxFilter(states, self.text.value.strip() or None)
        self.grid.show(wanted)
        self._shows(f"server.tracking.frame({wanted.as_python()})")

    def refresh(self) -> None:
        """Ask for the list again."""
        self.grid.refresh()

    def _shows(self, call: str) -> None:
        self.code.code = whole(call, self._server)

    def _allow(self) -> None:
        chosen = len(self.grid.selected_ids)
        self.buttons["Look into it"].disabled = chosen != 1
        self.buttons["Discard"].disabled = not chosen

    def _close(self) -> None:
        self.asking.children = self.detail.children = ()
        self.view = None
        self.said.value = ""

    def _say(self, words: str) -> None:
        self._close()
        self.said.value = status(words, "tk-good")
        self.grid.clear()
        self.grid.refresh()
        self._changed()

    def _open_selected(self) -> None:
        self.open(self.grid.selected_ids[0])

    def open(self, inbox_id: str) -> None:
        """Every rule's verdict about a mail of the list."""
        self._close()
        number = int(inbox_id)
        tracking = self._server.tracking
        self._shows(f"server.tracking.replay({number})")

        def ask() -> tuple[InboxMail, Replay]:
            return tracking.show(number), tracking.replay(number)

        def show(found: tuple[InboxMail, Replay]) -> None:
            mail, replay = found
            self._place(replay, mail, f"Mail {number}: {visible(mail.subject) or '(no subject)'}")

        in_background(self.trouble, ask, show, busy=(self.buttons["Look into it"],))

    def _dropped(self, name: str, content: bytes) -> None:
        @shows_problems(self.trouble)
        def look() -> None:
            self._close()
            database = self.like.value or None
            told = f", {database!r}" if database else ""
            self._shows(f"from pathlib import Path\n\nserver.tracking.replay(Path({name!r}){told})")
            in_background(
                self.trouble,
                lambda: self._server.tracking.replay(content, database),
                lambda replay: self._place(replay, None, visible(name)),
            )

        look()

    def _place(self, replay: Replay, mail: InboxMail | None, name: str) -> None:
        view = ReplayView(
            self._server, replay, mail, name, self._databases, self.trouble, self._shows, self._say, self._close
        )
        self.view = view
        self.detail.children = (view.widget,)

    def discard(self) -> None:
        """Ask, then discard what is selected of the quarantine."""
        ids = [int(one) for one in self.grid.selected_ids]
        self._close()

        def done(found: Discarded) -> None:
            rest = len(ids) - found.discarded
            left = (
                f" {counted(rest, 'mail')} of them {'was' if rest == 1 else 'were'} not in quarantine." if rest else ""
            )
            self._say(f"{counted(found.discarded, 'mail')} discarded.{left}")

        def do() -> None:
            self._shows(f"server.tracking.discard({ids!r})")
            in_background(self.trouble, lambda: self._server.tracking.discard(ids), done)

        words = f"Discard {counted(len(ids), 'mail')}? What is in quarantine is taken out of it and filed nowhere."
        confirm(self.asking, words, f"Discard {counted(len(ids), 'mail')}", do)
