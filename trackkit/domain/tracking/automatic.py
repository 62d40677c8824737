"""Marks of mail that a program wrote: two tables, the sure marks first.

RFC 3834 has one field for it; programs that are older than it, or do not care, have their own. Each line says whose
mark it is. A mail with any of them is never answered by a program: a wrong mark costs a courtesy, a missed one a loop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from trackkit.domain.tracking.fields import Fields
from trackkit.domain.tracking.folded import folded, pattern


class Mark(NamedTuple):
    """What the value of a field begins with that says so, and whose mark it is."""

    value: re.Pattern[str]
    whose: str


def _mark(value: str, whose: str) -> Mark:
    return Mark(pattern(value), whose)


WRITTEN: Final = {
    "auto-submitted": _mark(r"(?!no\b)\S", "RFC 3834"),
    "x-auto-response-suppress": _mark(r"(?!none\b)\S", "Microsoft Exchange"),
    "x-autoreply": _mark(r"(?!no\b|false\b)\S", "Postfix vacation, GroupWise and others"),
    "x-autorespond": _mark(r"", "qmail's autoresponders"),
    "x-autoresponder": _mark(r"", "autoresponders"),
    "x-autoreply-from": _mark(r"", "OTRS"),
    "x-mail-autoreply": _mark(r"", "Lotus"),
    "x-vacation": _mark(r"", "vacation programs"),
    "x-apple-action": _mark(r"vacation", "iCloud"),
    "x-cron-env": _mark(r"", "cron"),
    "x-ms-exchange-generated-message-source": _mark(r"mailbox rules agent|.*\boof\b", "Microsoft Exchange"),
    "precedence": _mark(r"(auto[_-]?reply|bulk|junk)\b", "vacation(1)"),
    "x-precedence": _mark(r"(auto[_-]?reply|bulk|junk)\b", "vacation programs"),
    "return-path": _mark(r"<\s*>", "RFC 5321: the null sender"),
    "from": _mark(r".*?\b(mailer-?daemon|auto-?(reply|responder))[\w.+-]*@", "programs"),
}
"""Fields whose values say that a program wrote the mail."""

UNANSWERED: Final = {
    "precedence": _mark(r"list\b", "mailing lists"),
    "list-id": _mark(r"", "RFC 2919"),
    "list-unsubscribe": _mark(r"", "RFC 2369"),
    "feedback-id": _mark(r"", "bulk senders at Gmail"),
    "x-ms-exchange-inbox-rules-loop": _mark(r"", "Microsoft Exchange: forwarded by a rule"),
    "x-loop": _mark(r"", "procmail and lists"),
    "from": _mark(r".*?\b(post_?master|no-?reply|do-?not-?reply)[\w.+-]*@", "programs"),
}
"""Fields whose values say that nobody wants programs to answer it; a person may have written it."""

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


def _said(fields: Fields, marks: Mapping[str, Mark]) -> str:
    for field in [field for field in marks if field in fields.named]:
        said, whose = marks[field]
        for value in fields.named[field]:
            if said.match(folded(value.strip())):
                return f"{field.title()}: {value[:80]} ({whose})"
    return ""
