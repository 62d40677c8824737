"""Everything about one mail: recipients with errors and diagnosis, attempts, conversation, headers, text, source."""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.mail import AttemptView, MessageDetail, RecipientView
from trackkit.widgets.page import panel, row
from trackkit.widgets.problems import Trouble
from trackkit.widgets.show_python import python_of
from trackkit.widgets.tables import Cell, instant, shown, shown_block, table
from trackkit.widgets.work import in_background

RECIPIENTS = ("Address", "Name", "Mail type", "State", "Send error", "Why, and what to do", "Next attempt (UTC)")
ATTEMPTS = ("Time (UTC)", "Recipient", "Host", "At", "Outcome", "Code", "Reply")


class MessageView:
    """The place where a mail is shown; empty until `open` is called."""

    def __init__(self, server: Server, trouble: Trouble) -> None:
        self._server, self._trouble = server, trouble
        self.widget = w.VBox()

    def open(self, queue_id: str) -> None:
        """Show that mail; the one before stays when it cannot be had."""
        in_background(self._trouble, lambda: self._server.mail.show(queue_id), self._show)

    def close(self) -> None:
        """Show none."""
        self.widget.children = ()

    def _show(self, detail: MessageDetail) -> None:
        close = w.Button(description="Close details")
        close.on_click(lambda _: self.close())
        source, raw = w.HTML(), w.Button(description="Raw source")
        queue_id = detail.message.queue_id

        def show_source(text: bytes) -> None:
            source.value = f"<h4>Raw source</h4>{shown_block(text.decode('utf-8', 'replace'))}"

        raw.on_click(
            lambda _: in_background(self._trouble, lambda: self._server.mail.raw(queue_id), show_source, busy=[raw])
        )
        code = python_of(f"server.mail.show({queue_id!r})", self._server)
        body = panel(w.HTML(detail_html(detail)), source, row(close, raw), code)
        body.add_class("tk-detail")
        self.widget.children = (body,)


def detail_html(detail: MessageDetail) -> str:
    """The mail as HTML; all of it escaped, whatever it holds."""
    message, why = detail.message, detail.message.diagnosis
    subject = message.subject or "(no subject)"
    facts = {
        "Queued (UTC)": instant(message.queued_at),
        "State": message.state.value,
        "Sender": message.sender or "(null sender)",
        "Message-ID": detail.message_id or "(none)",
        "Size": f"{message.size:,} bytes",
        "Submitted by": detail.submitted_by,
    }
    if detail.warned_at is not None:
        facts["Sender told of the delay (UTC)"] = instant(detail.warned_at)
    parts = [
        f"<div role='status'><h3>Details of {shown(message.queue_id)}: {shown(subject)}</h3></div>",
        f"<p><strong>{shown(why.title)}.</strong> {shown(why.words)} {shown(why.next_step)}</p>",
        "<dl class='tk-facts'>" + "".join(f"<dt>{k}</dt><dd>{shown(v)}</dd>" for k, v in facts.items()) + "</dl>",
        "<h4>Recipients</h4>" + table("Recipients", RECIPIENTS, map(_recipient, detail.recipients), "None."),
        "<h4>Attempts</h4>" + table("Attempts", ATTEMPTS, map(_attempt, detail.attempts), "Not tried yet."),
    ]
    for title, text in (
        ("Conversation of the last attempt", detail.conversation),
        ("Headers", detail.headers),
        ("Text", detail.preview),
    ):
        if text:
            parts.append(f"<h4>{title}</h4>{shown_block(text)}")
    return "".join(parts)


def _recipient(one: RecipientView) -> tuple[Cell, ...]:
    code = " ".join(str(part) for part in (one.smtp_code, one.enhanced_code) if part)
    unknown = "The outcome of a try is unknown: it may arrive twice." if one.outcome_unknown else ""
    return (
        Cell(one.address, "tk-text"),
        Cell(one.name or "–"),
        Cell(one.mail_type.value),
        Cell(one.state.value, "tk-fixed", f"tk-state-{one.state}"),
        Cell(one.send_error or "–", "tk-text", below=(code, unknown)),
        Cell(one.diagnosis.title, "tk-text", below=(one.diagnosis.words, one.diagnosis.next_step)),
        Cell(instant(one.next_attempt_at), "tk-fixed"),
    )


def _attempt(one: AttemptView) -> tuple[Cell, ...]:
    code = " ".join(str(part) for part in (one.smtp_code, one.enhanced_code) if part)
    return (
        Cell(instant(one.started_at), "tk-fixed"),
        Cell(one.recipient, "tk-text"),
        Cell(one.host or "–"),
        Cell(one.stage.replace("_", " ")),
        Cell(one.verdict),
        Cell(code or "–", "tk-fixed"),
        Cell(one.text or "–", "tk-text"),
    )
