"""The history of seats played again (SPEC §13): who would have been refused, and how many are enough?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import ipywidgets as w

from trackkit.client import Server
from trackkit.client.license_words import replay_sentences
from trackkit.contract.licenses import PoolUse, ReplayAnswer, Seats
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.seats import PAUSE, Pool
from trackkit.widgets.fields import Field, Fields, Section, typed_instant
from trackkit.widgets.license_tables import refused_most_table
from trackkit.widgets.page import panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import instant, shown
from trackkit.widgets.work import in_background

LEAST: Final = PAUSE.total_seconds() // 60
_POOLS: Final = (Pool.floating, Pool.web)
FIELDS: Final = (
    Field("pool", "Seats of", "choice", choices=(("floating", "native clients"), ("web", "web and API clients"))),
    Field("seats", "Number of seats", "number", help="Here at first: as many as there are now.", required=True),
    Field(
        "timeout_minutes",
        "Idle time-out",
        "number",
        unit="minutes",
        help=f"Here at first: as it is now. {LEAST:.0f} at least: shorter pauses are not in the history.",
        required=True,
    ),
    Field("since", "From (UTC)", "instant", help="Empty: the last year."),
    Field("until", "Before (UTC)", "instant", help="Empty: until now."),
)


class ReplayPanel:
    """The panel. `widget` is what is shown; `fields` and the button are for tests, and do what typing and clicks do."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self.trouble = server, trouble
        self._now: dict[str, PoolUse] = {}
        self._filled: dict[str, str] = {"seats": "", "timeout_minutes": ""}
        values = {field.name: "" for field in FIELDS}
        self.fields = Fields([Section("", FIELDS)], {**values, "pool": Pool.floating.value})
        self.button = w.Button(description="Play again", button_style="primary")
        self.result = w.HTML()
        self.code = python_of("server.licenses.replay('floating')", server)
        play = shows_problems(trouble)(lambda *_: self.play())
        self.button.on_click(play)
        self.fields.when_entered(play)
        self.fields.observe(self._typed, names="values")
        self.widget = panel(
            title("Replay", "The history played again: who would have been refused, and how many seats are enough?"),
            trouble.widget,
            self.fields,
            row(self.button, kind="tk-actions"),
            self.result,
            self.code,
        )
        self.refresh()

    def refresh(self) -> None:
        """Ask for the numbers of now, and put them into the form; what was typed stays."""
        in_background(self.trouble, self._server.licenses.seats, self._offer)

    def _offer(self, found: Seats) -> None:
        self._now = {pool.pool.value: pool for pool in found.pools}
        if all(self.fields.values[name] == value for name, value in self._filled.items()):
            self._fill()

    def _fill(self) -> None:
        now = self._now.get(str(self.fields.values["pool"]))
        if now is not None:
            minutes = max(now.idle_minutes, int(LEAST))
            self._filled = {"seats": str(now.seats), "timeout_minutes": str(minutes)}
            self.fields.values = {**self.fields.values, **self._filled}

    def _typed(self, change: dict[str, Any]) -> None:
        if change["old"]["pool"] != change["new"]["pool"]:
            self._fill()

    def play(self) -> None:
        """Ask the server to play with what is typed."""
        self.fields.messages = {}
        self.result.value = ""
        asked = self._read()

        def refused(error: Exception) -> bool:
            if not isinstance(error, InvalidInput):
                return False
            self.fields.messages = {p.field: p.message for p in error.problems if p.field in asked}
            return False

        in_background(
            self.trouble,
            lambda: self._server.licenses.replay(**asked),
            lambda found: self._show(found, asked),
            busy=(self.button,),
            failed=refused,
        )

    def _read(self) -> dict[str, Any]:
        """What is typed; `InvalidInput` for what is no number or no time, said at its field, too."""
        values = {name: str(value).strip() for name, value in self.fields.values.items()}
        found: dict[str, Any] = {"pool": values["pool"]}
        problems: dict[str, str] = {}
        for name in ("seats", "timeout_minutes"):
            if values[name].isascii() and values[name].isdecimal():
                found[name] = int(values[name])
            else:
                problems[name] = "is no whole number"
        for name in ("since", "until"):
            try:
                found[name] = typed_instant(values[name])
            except (ValueError, OverflowError):
                problems[name] = "is no time; write 2026-01-31T14:00"
        if problems:
            self.fields.messages = problems
            labels = {field.name: field.label for field in FIELDS}
            said = [Problem(labels[name], words) for name, words in problems.items()]
            raise InvalidInput("Nothing was played: some fields cannot be read.", problems=said)
        return found

    def _show(self, found: ReplayAnswer, asked: dict[str, Any]) -> None:
        first, *rest = replay_sentences(found)
        lines = "<br>".join([f"<strong>{shown(first)}</strong>", *map(shown, rest)])
        time = f"Played from {instant(found.since)} to {instant(found.until)} UTC."
        tone = "tk-warn" if found.refusals else "tk-good"
        most = refused_most_table(found) if found.refusals else ""
        self.result.value = status(lines, tone) + f"<p class='tk-hint'>{time}</p>" + most
        self.code.code = whole(_call(asked), self._server)


def _call(asked: dict[str, Any]) -> str:
    """As Python."""
    given = {name: value for name, value in asked.items() if value is not None}
    texts = ", ".join(f"{name}={_text(value)}" for name, value in given.items() if name != "pool")
    call = f"server.licenses.replay({asked['pool']!r}, {texts})"
    return f"from datetime import datetime\n\n{call}" if "datetime." in call else call


def _text(value: object) -> str:
    return f"datetime.fromisoformat({value.isoformat()!r})" if isinstance(value, datetime) else repr(value)
