"""Everything about one mail: recipients with errors and diagnosis, attempts, conversation, headers, text, source.

A wrong address is corrected here, too: a form below the details, for those recipients that can get another one.
"""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from trackkit.client import Server
from trackkit.contract.mail import AttemptView, EditedRecipient, MessageDetail, RecipientView
from trackkit.domain.delivery import TRANSITIONS, Event
from trackkit.widgets.declared_form import DeclaredForm
from trackkit.widgets.fields import Field
from trackkit.widgets.fix_view import FixButton
from trackkit.widgets.page import panel, row
from trackkit.widgets.problems import Trouble, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import python_of, whole
from trackkit.widgets.tables import Cell, instant, shown, shown_block, table
from trackkit.widgets.work import in_background

RECIPIENTS = ("Address", "Name", "Mail type", "State", "Send error", "Why, and what to do", "Next attempt (UTC)")
ATTEMPTS = ("Time (UTC)", "Recipient", "Host", "At", "Outcome", "Code", "Reply")


class MessageView:
    """The place where a mail is shown; empty until `open` is called.

    Parameters
    ----------
    changed: called when an address was corrected, or what was offered was applied.
    """

    def __init__(self, server: Server, trouble: Trouble, changed: Callable[[], None] = lambda: None) -> None:
        self._server, self._trouble, self._changed = server, trouble, changed
        self.form: DeclaredForm | None = None
        self.correct: w.Button | None = None
        self.fix: FixButton | None = None
        self.widget = w.VBox()

    def open(self, queue_id: str, said: str = "") -> None:
        """Show that mail; the one before stays when it cannot be had. `said` is said below it."""
        in_background(self._trouble, lambda: self._server.mail.show(queue_id), lambda detail: self._show(detail, said))

    def close(self) -> None:
        """Show none."""
        self.widget.children = ()

    def _show(self, detail: MessageDetail, said: str = "") -> None:
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
        editing, line = w.VBox(), Said()
        line.value = status(shown(said), "tk-good") if said else ""

        def correct(_: object) -> None:
            line.value = ""
            self.form = self._address_form(detail, editing)
            call = f"server.mail.edit_recipient({queue_id!r}, {correctable(detail)[0]!r}, '…')"
            code.code = whole(call, self._server)
            editing.children = (self.form.widget,)
            self.form.fields.focus_on("new_address")

        self.fix = self._fix_button(detail)
        self.correct = w.Button(description="Correct an address", disabled=not correctable(detail))
        self.correct.on_click(correct)
        offered = (self.fix.widget,) if self.fix is not None else ()
        body = panel(w.HTML(detail_html(detail)), source, line, *offered, row(close, raw, self.correct), editing, code)
        body.add_class("tk-detail")
        self.widget.children = (body,)

    def _fix_button(self, detail: MessageDetail) -> FixButton | None:
        fix, queue_id = detail.message.diagnosis.fix, detail.message.queue_id

        def applied(said: str) -> None:
            self.open(queue_id, said)
            self._changed()

        return FixButton(self._server, fix, self._trouble, applied) if fix is not None else None

    def _address_form(self, detail: MessageDetail, place: w.Box) -> DeclaredForm:
        queue_id, addresses = detail.message.queue_id, correctable(detail)

        def done(edited: EditedRecipient) -> None:
            self.open(queue_id, f"{edited.address} is a recipient now ({edited.state}).")
            self._changed()

        def cancel() -> None:
            place.children = ()

        return DeclaredForm(
            f"Correct an address of {queue_id}",
            {},
            {"address": addresses[0], "new_address": addresses[0]},
            "Change the address",
            self._trouble,
            lambda values: self._server.mail.edit_recipient(queue_id, values["address"], values["new_address"]),
            done,
            cancel,
            before=(
                Field("address", "Wrong address", "choice", choices=tuple((a, a) for a in addresses)),
                Field("new_address", "Right address", help=_MEANS, required=True),
            ),
        )


_MEANS = "Its tries begin anew, and a recipient that failed is due now. A hold stays until it is released."


def correctable(detail: MessageDetail) -> list[str]:
    """The recipients that can get another address."""
    return [r.address for r in detail.recipients if (r.state, Event.edit) in TRANSITIONS]


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
