"""The mail queue as plain tables: why mail waits, and the newest messages. Looks only, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.mail import CauseCount, QueuedMessage
from trackkit.widgets.tables import Cell, age, instant, table

NEWEST = 100

CAUSE_TITLES = ("Why", "What to do", "Messages", "Oldest")
QUEUE_TITLES = ("Date (UTC)", "Attempts", "Subject", "Sender", "State", "Next attempt (UTC)", "Age", "Why it waits")


def causes_table(causes: Sequence[CauseCount], now: datetime) -> str:
    """Why mail waits, one row a cause."""
    rows = [
        (
            Cell(cause.diagnosis.title, "tk-text", below=(cause.diagnosis.words,)),
            Cell(cause.diagnosis.next_step, "tk-text"),
            Cell(str(cause.messages), "tk-number"),
            Cell(age(now - cause.oldest_queued_at), "tk-number"),
        )
        for cause in causes
    ]
    return table("Why mail waits", CAUSE_TITLES, rows, "No mail is waiting.")


def queue_table(messages: Sequence[QueuedMessage], now: datetime) -> str:
    """The messages, one row each."""
    rows = [
        (
            Cell(instant(message.queued_at), "tk-fixed"),
            Cell(str(message.attempts), "tk-number"),
            Cell(message.subject or "(no subject)", "tk-text", below=(_to(message),)),
            Cell(message.sender or "(null sender)", "tk-text"),
            Cell(message.state, "tk-fixed", f"tk-state-{message.state}"),
            Cell(instant(message.next_attempt_at), "tk-fixed"),
            Cell(age(now - message.queued_at), "tk-number"),
            Cell(message.diagnosis.title),
        )
        for message in messages
    ]
    return table("Mail queue", QUEUE_TITLES, rows, "The mail queue is empty: nothing waits to be sent.")


def _to(message: QueuedMessage) -> str:
    recipients = "1 recipient" if message.recipients == 1 else f"{message.recipients} recipients"
    return f"{recipients} at {', '.join(message.domains)}" if message.domains else recipients


def counted(listed: int, total: int, what: str) -> str:
    """How many rows there are, and how many of them are listed, as HTML."""
    words = f"{what}: {total:,}" + (f"; the newest {listed:,} are listed" if listed < total else "")
    return f'<p class="tk-hint" role="status">{words}</p>'


class QueuePanel:
    """The panel and how to bring it up to date."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._causes, self._messages = w.HTML(), w.HTML()
        self.view = w.VBox([w.HTML("<h2>Mail queue</h2>"), self._causes, self._messages])
        self.view.add_class("tk-panel")

    def refresh(self, now: datetime) -> None:
        """Ask the server and show; raises what the server says, and leaves the panel as it was then."""
        summary, page = self._server.mail.summary(), self._server.mail.list(limit=NEWEST)
        self._causes.value = causes_table(summary.causes, now) if page.total else ""
        count = counted(len(page.messages), page.total, "Messages in the queue") if page.total else ""
        self._messages.value = count + queue_table(page.messages, now)
