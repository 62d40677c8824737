"""Mailboxes, probe mails, the steps of the set-up and the rules of a replay as HTML; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from trackkit.contract.inbox import Replay
from trackkit.contract.tracking import Check, CheckStep, MailboxView, RoundTripView, TrackingStatus
from trackkit.domain.text import counted
from trackkit.widgets.problems import status
from trackkit.widgets.tables import Cell, age, instant, shown, shown_block, shown_lines, table

_MAILBOXES = ("Mailbox", "Projects", "State", "Last fetched (UTC)", "Waiting there")
_TRIPS = ("Mailbox", "Sent (UTC)", "Came back (UTC)", "In the mail queue")
_RULES = ("Rule", "Verdict", "What it says")
_LONGEST = 1000

STATE_WORDS = {
    "fetched": "fetched",
    "attached": "filed",
    "duplicate": "filed before",
    "untracked": "untracked",
    "quarantined": "in quarantine",
    "discarded": "discarded",
}
"""What became of a mail, by its state."""


def mailboxes_html(found: TrackingStatus, now: datetime) -> str:
    """The mailboxes with how fetching goes; for one that fails why, what to do, and what was said."""
    rows = [_mailbox(one, now) for one in found.mailboxes]
    empty = "No mailbox is set up." if found.enabled else "E-mail tracking is off; the server options switch it on."
    return table("Mailboxes", _MAILBOXES, rows, empty) + "".join(_failing(one) for one in found.mailboxes)


def _mailbox(one: MailboxView, now: datetime) -> tuple[Cell, ...]:
    failing = one.failing_since is not None
    state = "fails" if failing else "works" if one.succeeded_at else "not fetched from yet"
    waits = f"oldest: {age(now - one.waiting_since)}" if one.waiting_since is not None else ""
    return (
        Cell(one.mailbox, "tk-text", below=(one.address,)),
        Cell(", ".join(one.databases) or "–"),
        Cell(state, tone="tk-bad" if failing else "tk-good" if one.succeeded_at else ""),
        Cell(instant(one.succeeded_at), "tk-fixed"),
        Cell(f"{one.waiting:,}", "tk-number", tone="tk-warn" if waits and failing else "", below=(waits,)),
    )


def _failing(one: MailboxView) -> str:
    if one.failing_since is None:
        return ""
    talk = (
        f"<details class='tk-python'><summary>What was said</summary>{shown_block(one.conversation)}</details>"
        if one.conversation
        else ""
    )
    words = f"<strong>{shown(one.mailbox)} fails since {instant(one.failing_since)} UTC.</strong>"
    return status(f"{words}<br>{shown(one.words, _LONGEST)}<br>{shown(one.advice, _LONGEST)}{talk}", "tk-bad")


def counts_words(found: TrackingStatus) -> str:
    """How many mails are where."""
    parts = [f"{number:,} {STATE_WORDS.get(state, state)}" for state, number in found.counts.items() if number]
    return f"Mails that came in: {', '.join(parts)}." if parts else "No mail has come in yet."


def trips_html(trips: Iterable[RoundTripView]) -> str:
    """Probe mails, if there are any."""
    rows = [
        (
            Cell(one.mailbox, "tk-text"),
            Cell(instant(one.sent_at), "tk-fixed"),
            Cell(instant(one.returned_at) if one.returned_at else "not yet", tone="" if one.returned_at else "tk-warn"),
            Cell(one.queue_id or "–"),
        )
        for one in trips
    ]
    return f"<h3>Probe mails</h3>{table('Probe mails', _TRIPS, rows, '')}" if rows else ""


def steps_html(check: Check) -> str:
    """The steps of the set-up, done or not, and what is missing."""
    return f"<ol class='tk-steps'>{''.join(map(_step, check.steps))}</ol>"


def _step(step: CheckStep) -> str:
    mark, tone, said = ("✓", "tk-good", "done") if step.done else ("✗", "tk-bad", "missing")
    told = f"<p>{shown(step.words, _LONGEST)}</p>" if step.words else ""
    more = f"<p><strong>{shown(step.advice, _LONGEST)}</strong></p>" if step.advice and not step.done else ""
    return (
        f"<li><span class='tk-mark-of {tone}' aria-hidden='true'>{mark}</span><div>"
        f"<b>{step.number}. {shown(step.title)}</b><span class='tk-unseen'>: {said}</span>{told}{more}</div></li>"
    )


def ready_words(check: Check) -> str:
    """Whether the project is ready, as a status line."""
    missing = [str(one.number) for one in check.steps if not one.done]
    if check.ready:
        return status(f"<strong>{shown(check.database)} is ready for tracked e-mail.</strong>", "tk-good")
    *others, last = missing
    steps = f"Steps {', '.join(others)} and {last} are" if others else f"Step {last} is"
    return status(f"<strong>{shown(check.database)} is not ready: {steps} missing.</strong>", "tk-warn")


_VERDICTS = {"quarantined": "tk-bad", "attached": "tk-good"}


def replay_html(replay: Replay) -> str:
    """What becomes of a mail: the outcome, every rule's verdict, what is known of it, its text kept and cut."""
    where = f" with {shown(replay.record)} of {shown(replay.database)}" if replay.record else ""
    outcome = f"<strong>{shown(_OUTCOMES[replay.state.value])}{where}.</strong>"
    because = f" {shown(replay.reason, _LONGEST)}" if replay.reason else ""
    advice = f"<br>{shown(replay.advice, _LONGEST)}" if replay.advice else ""
    rules = [
        (
            Cell(one.title, below=("decides",) if one.decides else ()),
            Cell(one.verdict, tone=_VERDICTS.get(replay.state.value, "tk-warn") if one.decides else ""),
            Cell(one.words, "tk-text"),
        )
        for one in replay.rules
    ]
    return (
        status(outcome + because + advice, _VERDICTS.get(replay.state.value, "tk-warn"))
        + f"<h4>Rules, in their order</h4>{table('Rules', _RULES, rules, 'No rule was asked.')}"
        + f"<h4>The mail</h4><dl class='tk-facts'>{_facts(replay)}</dl>"
        + _pieces(replay)
    )


_OUTCOMES = {
    "fetched": "It would wait",
    "attached": "It would be filed",
    "duplicate": "It was filed before",
    "untracked": "It would be left alone: untracked",
    "quarantined": "It would go into quarantine",
    "discarded": "It would be discarded",
}


def _facts(replay: Replay) -> str:
    known = {
        "From": replay.author or "(nobody)",
        "Standing": replay.standing or "–",
        "Authentication": replay.authentication or "The receiving host says nothing about it.",
        "Subject": replay.subject or "(no subject)",
        "Its date (UTC)": instant(replay.sent_at),
        "It is": replay.kind,
        "Answers e-mail": str(replay.email or "–"),
        "Files": ", ".join(replay.files) or "–",
    }
    if replay.problems:
        known["Noticed"] = " ".join(replay.problems)
    return "".join(f"<dt>{name}</dt><dd>{shown(text, _LONGEST)}</dd>" for name, text in known.items())


def _pieces(replay: Replay) -> str:
    """The text in one: what is kept, and, struck out, what is cut."""
    if not replay.pieces:
        return "<h4>Text</h4><p class='tk-empty'>There is no text to be read.</p>"
    kept = sum(len(one.text.split()) for one in replay.pieces if one.kept)
    cut = sum(len(one.text.split()) for one in replay.pieces if not one.kept)
    shown_ones = [(shown_lines(one.text), one.kept) for one in replay.pieces]
    inner = "".join(text if is_kept else f"<del>{text}</del>" for text, is_kept in shown_ones)
    words = f"{counted(kept, 'word')} kept, {counted(cut, 'word')} cut"
    return f"<h4>Text: {words}</h4><pre class='tk-block tk-pieces' tabindex='0'>{inner}</pre>"
