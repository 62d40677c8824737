"""E-mails of records as HTML: the conversation in short, and one e-mail whole.

All text is escaped. The HTML of a mail was made safe by the server and is trusted no more for that: it is shown in a
frame of its own without scripts, forms and this page's origin, which may load nothing from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from trackkit.client.email_words import STANDINGS, headline, outcome
from trackkit.contract.project_mail import EmailDetail, EmailRecipient, EmailView
from trackkit.widgets.database_tables import octets
from trackkit.widgets.tables import instant, shown, shown_block, visible

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'"
_TONES = {"unknown": "tk-warn", "unauthenticated": "tk-bad"}


def conversation_html(emails: Iterable[EmailView], left: int = 0) -> str:
    """The e-mails in their order, each in three lines; `left` = so many earlier ones are not among them."""
    items = "".join(map(_in_short, emails))
    if not items:
        return "<p class='tk-empty'>No e-mail has been sent or received about it yet.</p>"
    more = f"<p class='tk-hint'>Earlier ones are in the tab E-mail: {left:,}.</p>" if left else ""
    return f"{more}<ol class='tk-talk'>{items}</ol>"


def _in_short(email: EmailView) -> str:
    side = "tk-ours" if email.direction == "sent" else "tk-theirs"
    marks = _standing(email) + "".join(_came_back(one) for one in email.recipients)
    files = f" <small>{email.files:,} {'file' if email.files == 1 else 'files'}</small>" if email.files else ""
    whom = ", ".join(one.address for one in email.recipients)
    who = email.sender if email.direction == "received" else f"to {whom}"
    return (
        f"<li class='{side}'><p><b>{shown(headline(email))}</b> <span>{shown(who)}</span> "
        f"<small class='tk-time'>{instant(email.at)} UTC</small></p>{marks}"
        f"<p>{shown(email.subject or '(no subject)')}{files}</p><p class='tk-hint'>{shown(email.beginning)}</p></li>"
    )


def _standing(email: EmailView) -> str:
    if email.direction == "sent" or email.standing not in _TONES:
        return ""
    return f"<p class='{_TONES[email.standing]}'>{shown(STANDINGS[email.standing].capitalize())}</p>"


def _came_back(one: EmailRecipient) -> str:
    words = outcome(one)
    if not words or one.outcome in ("human", "delivered", "automatic"):
        return ""
    tone = "tk-bad" if one.outcome in ("bounce", "feedback") else "tk-warn"
    return f"<p class='{tone}'>{shown(one.address)}: {shown(words)}</p>"


def email_html(detail: EmailDetail) -> str:
    """One e-mail whole, its files excepted."""
    email = detail.email
    parts = [
        f"<h3>{shown(email.subject or '(no subject)', 1000)}</h3>",
        f"<dl class='tk-facts'>{''.join(f'<dt>{name}</dt><dd>{html}</dd>' for name, html in _facts(detail))}</dl>",
        shown_block(detail.text) if detail.text.strip() else "<p class='tk-empty'>It has no text of its own.</p>",
    ]
    if detail.cut.strip():
        parts.append(_folded("What was cut off: what it quoted, or was signed with", shown_block(detail.cut)))
    if detail.html.strip():
        parts.append(_folded("As its author laid it out", framed(detail.html, email.subject)))
    return "".join(parts)


def _facts(detail: EmailDetail) -> Iterable[tuple[str, str]]:
    email = detail.email
    yield "E-mail", f"{email.number}, {shown(headline(email))}{', not tracked' if not email.tracked else ''}"
    yield "From", shown(email.sender or "(nobody)") + _known(email)
    yield "To", ", ".join(map(_recipient, email.recipients)) or "–"
    yield "Sent (UTC)" if email.direction == "sent" else "Filed (UTC)", instant(email.at)
    if email.answers:
        yield "Answers", f"e-mail {email.answers}"
    if detail.replies:
        yield "Followed by", ", ".join(f"e-mail {number}" for number in detail.replies)
    if email.queue_id:
        yield "In the mail queue", shown(email.queue_id)
    if detail.problems:
        yield "Noticed", shown(" ".join(detail.problems), 1000)


def _known(email: EmailView) -> str:
    if email.direction == "sent":
        return ""
    return f" <small class='{_TONES.get(email.standing, '')}'>{shown(STANDINGS[email.standing])}</small>"


def _recipient(one: EmailRecipient) -> str:
    words = outcome(one)
    tone = "tk-bad" if one.outcome in ("bounce", "feedback") else ""
    said = f" <small class='{tone}'>{shown(words)}{f': {shown(one.text)}' if one.text else ''}</small>" if words else ""
    return f"{shown(one.address)}{said}"


def _folded(words: str, html: str) -> str:
    return f"<details class='tk-python'><summary>{words}</summary>{html}</details>"


def framed(html: str, subject: str) -> str:
    """The HTML of a mail in a frame that can do nothing; a link opens a page of its own."""
    page = (
        f"<!doctype html><meta charset='utf-8'><meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">"
        "<meta name='referrer' content='no-referrer'><base target='_blank'>"
        "<style>body{font:15px/1.5 system-ui,sans-serif;margin:.75rem;background:#fff;color:#17202a;"
        f"overflow-wrap:anywhere}}img{{max-width:100%}}</style>{html}"
    )
    name = escape(visible(subject) or "E-mail")
    return (
        f"<iframe class='tk-mail' title='{name}' tabindex='0' referrerpolicy='no-referrer' "
        f"sandbox='allow-popups allow-popups-to-escape-sandbox' srcdoc='{escape(page)}'></iframe>"
    )


def sizes(detail: EmailDetail) -> str:
    """How large the mail is, and its fingerprint: what came is what is kept."""
    return f"{octets(detail.size)}, SHA-256 {detail.sha256}"
