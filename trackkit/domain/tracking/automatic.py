"""Marks of mail that a program wrote: two tables, the sure marks first.

RFC 3834 has one field for it; programs that are older than it, or do not care, have their own. Each line says whose
mark it is. A mail with any of them is never answered by a program: a wrong mark costs a courtesy, a missed one a loop.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from trackkit.domain.tracking.fields import Fields
from trackkit.domain.tracking.folded import folded, pattern


class Mark(NamedTuple):
    """A field whose value says that a program wrote the mail, or that nobody wants programs to answer it."""

    field: str
    value: re.Pattern[str]
    whose: str


def _mark(field: str, value: str, whose: str) -> Mark:
    return Mark(field, pattern(value), whose)


WRITTEN: Final = (
    _mark("auto-submitted", r"(?!no\b)\S", "RFC 3834"),
    _mark("x-auto-response-suppress", r"(?!none\b)\S", "Microsoft Exchange"),
    _mark("x-autoreply", r"(?!no\b|false\b)\S", "Postfix vacation, GroupWise and others"),
    _mark("x-autorespond", r"", "qmail's autoresponders"),
    _mark("x-autoresponder", r"", "autoresponders"),
    _mark("x-autoreply-from", r"", "OTRS"),
    _mark("x-mail-autoreply", r"", "Lotus"),
    _mark("x-vacation", r"", "vacation programs"),
    _mark("x-apple-action", r"vacation", "iCloud"),
    _mark("x-cron-env", r"", "cron"),
    _mark("x-ms-exchange-generated-message-source", r"mailbox rules agent|.*\boof\b", "Microsoft Exchange"),
    _mark("precedence", r"(auto[_-]?reply|bulk|junk)\b", "vacation(1)"),
    _mark("x-precedence", r"(auto[_-]?reply|bulk|junk)\b", "vacation programs"),
    _mark("return-path", r"<\s*>", "RFC 5321: the null sender"),
    _mark("from", r".*?\b(mailer-?daemon|auto-?(reply|responder))[\w.+-]*@", "programs"),
)
"""A program wrote it."""

UNANSWERED: Final = (
    _mark("precedence", r"list\b", "mailing lists"),
    _mark("list-id", r"", "RFC 2919"),
    _mark("list-unsubscribe", r"", "RFC 2369"),
    _mark("feedback-id", r"", "bulk senders at Gmail"),
    _mark("x-ms-exchange-inbox-rules-loop", r"", "Microsoft Exchange: forwarded by a rule"),
    _mark("x-loop", r"", "procmail and lists"),
    _mark("from", r".*?\b(post_?master|no-?reply|do-?not-?reply)[\w.+-]*@", "programs"),
)
"""A person may have written it, by way of a list or of a rule."""

_AUTOMATIC: Final = (
    r"auto(?:matic|mated|matisk|matisch|matische|m[aá]tica|matique|matica)?[ -]?(?:reply|response|answer)",
    r"auto(?:matische[sr]?|matisk|matisches)?[ -]?(?:antwort|svar|beantwortung|antwoord)",
    r"(?:r[eé]ponse|respuesta|risposta|resposta) autom[aá]ti\w+|automaattinen vastaus|automatick[aá] odpov\w+",
    r"odpowied[zź] automatyczna|automatyczna odpowied[zź]|autoodpowied[zź]|otomatik (?:yan[ıi]t|cevap)",
    r"автоматический ответ|автоответ\w*|автоматична відповідь",
    r"自动(?:回复|答复)|自動(?:返信|回覆|応答)|不在(?:通知|のお知らせ)|자동 ?(?:회신|응답)",
)
"""What programs put before the subject of what they answer."""

_ABSENT: Final = (
    r"out[ -]of[ -](?:the )?office|away from (?:the |my )?(?:office|desk|mail)|away until|vacation|on annual leave",
    r"abwesenheits\w+|abwesend|(?:absence|absent)(?:\(e\))? du bureau|message d'absence|fuera de (?:la )?oficina",
    r"fuori (?:sede|ufficio)|ausente d[oe] escrit[oó]rio|afwezig\w*|fr[aå]nvaro\w*|poissaoloilmoitus|nieobecno\w+",
)
_SUBJECT = pattern(
    rf"^\W*(?:{'|'.join(_AUTOMATIC)}"
    rf"|(?:{'|'.join(_ABSENT)})"
    r"(?: (?:reply|auto-?reply|message|notice|response|until\b.{1,30}|\d.{1,30}))?"
    r"\s*(?:[:：(–—-]|$)|away until\b)"
)
"""A record may be about vacations, too: what only says that somebody is away has to be all, or a prefix."""


def mark(fields: Fields, subject: str) -> tuple[str, bool]:
    """What says that this is not to be answered by a program, in words, and whether a program wrote it."""
    if written := _said(fields, WRITTEN):
        return written, True
    # What a subject says comes after the fields by which programs say that they are programs.
    if _SUBJECT.match(folded(subject[:300])):
        return f"Subject: {subject[:80]}", True
    return _said(fields, UNANSWERED), False


def _said(fields: Fields, marks: tuple[Mark, ...]) -> str:
    there = fields.named
    for field, said, whose in marks:
        for value in there.get(field, ()):
            if said.match(folded(value.strip())):
                return f"{field.title()}: {value[:80]} ({whose})"
    return ""
