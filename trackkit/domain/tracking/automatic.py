"""Marks of mail that a program wrote: one table, the sure marks first.

RFC 3834 has one field for it; programs that are older than it, or do not care, have their own. Each line says whose
mark it is. A mail with any of them is never answered by a program: a wrong mark costs a courtesy, a missed one a loop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trackkit.domain.tracking.fields import Fields


@dataclass(frozen=True, slots=True)
class Mark:
    """A field whose value says that a program wrote the mail, or that nobody wants programs to answer it."""

    field: str
    value: re.Pattern[str]
    whose: str
    written: bool
    """Whether a program wrote it; else a person may have, by way of a list or of a rule."""


def _program(field: str, value: str, whose: str) -> Mark:
    return Mark(field, re.compile(value, re.IGNORECASE), whose, True)


def _unanswered(field: str, value: str, whose: str) -> Mark:
    return Mark(field, re.compile(value, re.IGNORECASE), whose, False)


MARKS: Final = (
    _program("auto-submitted", r"(?!no\b)\S", "RFC 3834"),
    _program("x-auto-response-suppress", r"(?!none\b)\S", "Microsoft Exchange"),
    _program("x-autoreply", r"(?!no\b|false\b)\S", "Postfix vacation, GroupWise and others"),
    _program("x-autorespond", r"", "qmail's autoresponders"),
    _program("x-autoresponder", r"", "autoresponders"),
    _program("x-autoreply-from", r"", "OTRS"),
    _program("x-mail-autoreply", r"", "Lotus"),
    _program("x-vacation", r"", "vacation programs"),
    _program("x-apple-action", r"vacation", "iCloud"),
    _program("x-cron-env", r"", "cron"),
    _program("x-ms-exchange-generated-message-source", r"mailbox rules agent|.*\boof\b", "Microsoft Exchange"),
    _program("precedence", r"(auto[_-]?reply|bulk|junk)\b", "vacation(1)"),
    _program("x-precedence", r"(auto[_-]?reply|bulk|junk)\b", "vacation programs"),
    _program("return-path", r"<\s*>", "RFC 5321: the null sender"),
    _program("from", r".*?\b(mailer-?daemon|auto-?(reply|responder))[\w.+-]*@", "programs"),
    _unanswered("precedence", r"list\b", "mailing lists"),
    _unanswered("list-id", r"", "RFC 2919"),
    _unanswered("list-unsubscribe", r"", "RFC 2369"),
    _unanswered("feedback-id", r"", "bulk senders at Gmail"),
    _unanswered("x-ms-exchange-inbox-rules-loop", r"", "Microsoft Exchange: forwarded by a rule"),
    _unanswered("x-loop", r"", "procmail and lists"),
    _unanswered("from", r".*?\b(post_?master|no-?reply|do-?not-?reply)[\w.+-]*@", "programs"),
)

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
_SUBJECT = re.compile(
    rf"^\W*(?:{'|'.join(_AUTOMATIC)}"
    rf"|(?:{'|'.join(_ABSENT)})"
    r"(?: (?:reply|auto-?reply|message|notice|response|until\b.{1,30}|\d.{1,30}))?"
    r"\s*(?:[:：(–—-]|$)|away until\b)",
    re.IGNORECASE,
)
"""A record may be about vacations, too: what only says that somebody is away has to be all, or a prefix."""


def mark(fields: Fields, subject: str) -> tuple[str, bool]:
    """What says that this is not to be answered by a program, in words, and whether a program wrote it."""
    for one in MARKS:
        value = _marked(fields, one) if one.field in fields else None
        if value is not None:
            return f"{one.field.title()}: {value[:80]} ({one.whose})", one.written
        if one is _LAST_SURE and _SUBJECT.match(subject[:300]):
            return f"Subject: {subject[:80]}", True
    return "", False


def _marked(fields: Fields, one: Mark) -> str | None:
    return next((value for value in fields.all(one.field) if one.value.match(value.strip())), None)


_LAST_SURE: Final = next(one for one in reversed(MARKS) if one.written)
"""What a subject says comes after the fields by which programs say that they are programs."""
