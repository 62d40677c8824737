"""Every cause for which mail can wait, how often each was met on this server, and replies that nobody knows; folded.

Nothing is asked of the server before somebody opens it.
"""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.mail_diagnoses import Diagnoses, DiagnosisRow, UnknownReply
from trackkit.widgets.page import row
from trackkit.widgets.session import trouble_for
from trackkit.widgets.tables import Cell, instant, table
from trackkit.widgets.work import in_background

_COLUMNS = ("Cause", "Failed tries", "Last met (UTC)", "Next step")
_REPLY_COLUMNS = ("Reply", "Times", "Host", "Last (UTC)")


class DiagnosisTable:
    """The table behind a button. `widget` is what is shown; the other members are for tests.

    Parameters
    ----------
    server: a connected server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self.trouble = trouble_for(server)
        self.button, self.never = w.Button(), w.Checkbox(description="Only causes never met here", indent=False)
        self.content = w.HTML()
        self.button.on_click(lambda _: self._turn(not self.is_open))
        self.never.observe(lambda _: self._ask(), names="value")
        self._body = w.VBox()
        self.widget = w.VBox([row(self.button), self._body])
        self.widget.add_class("tk-folded")
        self._turn(False)

    def _turn(self, is_open: bool) -> None:
        self.is_open = is_open
        self.button.description = f"{'Hide' if is_open else 'Show'} all causes there are"
        self.content.value = ""
        self._body.children = (self.trouble.widget, self.never, self.content) if is_open else ()
        if is_open:
            self._ask()

    def _ask(self) -> None:
        in_background(self.trouble, self._server.mail.diagnoses, self._show, busy=(self.button, self.never))

    def _show(self, found: Diagnoses) -> None:
        rows = [one for one in found.rows if not (self.never.value and one.last_at)]
        parts = [
            table("Causes", _COLUMNS, map(_cause, rows), "Every cause was met here."),
            "<h3>Replies that no row knows</h3>",
            table("Unknown replies", _REPLY_COLUMNS, map(_reply, found.unknown), "Every reply was known."),
        ]
        self.content.value = "".join(parts)


def _cause(one: DiagnosisRow) -> tuple[Cell, ...]:
    what = f"{one.operation} {one.option}".strip()
    return (
        Cell(one.title, "tk-text", below=(one.cause, one.words)),
        Cell(f"{one.tries:,}", "tk-number"),
        Cell(instant(one.last_at) if one.last_at else "never"),
        Cell(one.next_step, "tk-text", below=(what,)),
    )


def _reply(one: UnknownReply) -> tuple[Cell, ...]:
    return (
        Cell(f"{one.smtp_code or ''} {one.text}".strip(), "tk-text", below=(one.stage.replace("_", " "),)),
        Cell(f"{one.tries:,}", "tk-number"),
        Cell(one.host),
        Cell(instant(one.last_at)),
    )
