"""What a bounce means for one recipient: the status, the reason, and whether the address is dead.

A bounce is *hard* when the address, its domain or its host will never take mail: unknown, moved, switched off by its
domain. Everything else is *soft*, also when the host will not try again: a full mailbox, a policy, a list of bad
senders say nothing about the address. Nor does "no such user" from a host that took the recipient first and refused
after it had read the message: hosts say so of what their filters do not like.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from trackkit.domain import reply_codes
from trackkit.domain.reasons import Reason
from trackkit.domain.reply_reasons import reason_of
from trackkit.domain.tracking.reports import Told

DEAD: Final = frozenset({Reason.unknown_user, Reason.unknown_domain, Reason.user_moved, Reason.takes_no_mail})
"""Reasons for which an address will not take mail tomorrow either."""

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_NEAR: Final = 500
_MOST_REPLIES: Final = 6
"""Replies in the words about a recipient whose reasons are looked for."""
_REPLY = re.compile(r"(?:^|(?<=[\s:(>\"'\[]))([45]\d\d)(?=[\s,-]|$)", re.MULTILINE)
_AFTER_DATA = re.compile(
    r"end of data|after (?:the )?data|final data|command[:\s]+data\b|\[data\]|\(data\)|text command|message content",
    re.IGNORECASE,
)
_REFUSED_DATA = re.compile(r">>> (?:data|\.)\s+<<< 5\d\d", re.IGNORECASE)
_NO_RECIPIENT_LEFT = re.compile(r"need rcpt|no (?:valid )?recipients", re.IGNORECASE)
_AT_RCPT = re.compile(r"rcpt|like recipient", re.IGNORECASE)


class Failure(NamedTuple):
    """One recipient that a mail has not reached, or not yet."""

    recipient: str
    """Empty where the bounce does not say."""
    action: str
    """``failed`` or ``delayed``."""
    status: str
    """The enhanced status code (RFC 3463); ``5.0.0`` or ``4.0.0`` where only its class is known."""
    smtp_code: int | None
    reason: Reason | None
    hard: bool
    text: str
    """What the host said."""


def failure(told: Told, words: str) -> Failure:
    """What a report means.

    Parameters
    ----------
    words: what the bounce says in its text about this recipient, or about all.
    """
    replies = _replies(words)
    if told.recipient and replies and told.recipient in replies[0]:
        # This reply is about this recipient; what follows it is about others.
        texts = [told.text, replies[0]]
    else:
        texts = [told.text, *replies, words]
    said = next((text for text in texts if text), words)
    smtp_code = next((code for text in texts if (code := _smtp_code(text))), None)
    status = _status(told.status, said)
    reason = _reason(smtp_code, status, [_innermost(told.text), *texts])
    hard = told.action == "failed" and reason in DEAD
    if hard and reason is Reason.unknown_user:
        hard = not _late(f"{told.text}\n{words}", status) and (
            told.text != "" or _about_recipient(status, words, replies)
        )
    status = status or _class(told.action, smtp_code, hard)
    return Failure(told.recipient, told.action, status, smtp_code, reason, hard, " ".join(said.split())[:1000])


def _class(action: str, smtp_code: int | None, hard: bool) -> str:
    """The status of which only the class is known: who gives up does so for good, whatever made it."""
    if smtp_code and not hard:
        return f"{smtp_code // 100}.0.0"
    return "4.0.0" if action == "delayed" else "5.0.0"


def _late(words: str, status: str) -> bool:
    """Whether a host says "no such user" of a policy, or after it has read the message."""
    if status[1:3] == ".7" or _AFTER_DATA.search(words):
        return True
    # Who sends several commands at once is refused at DATA too when the only recipient was.
    return _REFUSED_DATA.search(words) is not None and _NO_RECIPIENT_LEFT.search(words) is None


def _about_recipient(status: str, words: str, replies: list[str]) -> bool:
    """Whether a reply that words quote is about the recipient: its status says so, or that it was given at RCPT.

    Where no reply is quoted it is the host itself that does not know the recipient.
    """
    reply = _REPLY.search(words)
    if reply is None or status[1:3] not in ("", ".0"):
        return True
    return _AT_RCPT.search("".join([words[: reply.start()], *replies[:1]])) is not None


def _reason(smtp_code: int | None, status: str, texts: list[str]) -> Reason | None:
    """What codes say whoever uses them; else the reason of the first text that has one; else what codes say at all."""
    if sure := reply_codes.certain(smtp_code, status):
        return sure
    for text in texts:
        if text.strip() and (found := reason_of(None, "", text)):
            return found
    return reason_of(smtp_code, status, "")


def _innermost(text: str) -> str:
    """What the last host said, where a relay repeats it behind its own words."""
    codes = list(_ENHANCED.finditer(text[:_NEAR]))
    return text[codes[-1].start() :] if len(codes) > 1 else ""


def _status(stated: str, said: str) -> str:
    """The status that says most: a report's own one is often x.0.0 where the host's reply has a better one."""
    found = [one for one in _ENHANCED.findall(said[:_NEAR]) if one[0] != "2"]
    better = [one for one in reversed(found) if not one.endswith(".0.0")]
    return next(iter(better), stated or next(iter(found), ""))


def _smtp_code(text: str) -> int | None:
    match = _REPLY.search(text[:4000])
    return int(match[1]) if match else None


def _replies(words: str) -> list[str]:
    """The lines that hold a host's reply, with those that go on after them."""
    kept: list[str] = []
    goes_on = False
    for line in words.split("\n")[:400]:
        if _REPLY.search(line):
            kept.append(line[:2000])
            goes_on = True
        elif goes_on and line[:1] in " \t" and line.strip() and len(kept[-1]) < 2000:
            kept[-1] += " " + line.strip()
        else:
            goes_on = False
    return kept[:_MOST_REPLIES]
