"""What the words of a diagnosis may name in braces, and what each stands for. Looked up only where a row names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from trackkit.domain.delivery import State
from trackkit.domain.evidence import Evidence, refused_for_good, waits
from trackkit.domain.replies import Verdict


class Facts(dict[str, str]):
    """The facts of some evidence, for `str.format_map`."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__()
        self._evidence = evidence

    def __missing__(self, name: str) -> str:
        fact = self[name] = FACTS[name](self._evidence)
        return fact


class Names(dict[str, str]):
    """Each fact by its name in capitals: the table as it is read without any evidence."""

    def __missing__(self, name: str) -> str:
        return _AGAIN if name == "again" else name.upper().replace("_", " ")


_AGAIN: Final = "The next try comes by itself, or it is reattempted."


def _code(e: Evidence) -> str:
    return " ".join(str(code) for code in (e.last.smtp_code, e.last.enhanced_code) if code) if e.last else ""


def _text(e: Evidence) -> str:
    if e.last is None:
        return ""
    return " ".join(e.last.text.strip().removeprefix(e.last.enhanced_code).split())


def _again(e: Evidence) -> str:
    if waits(e):
        return f"The next try is at {_at(e.next_attempt_at)}."
    if e.state is State.failed and e.last is not None and e.last.verdict in (Verdict.temporary, Verdict.unknown):
        return "The days to keep trying are over, so it has failed: reattempt when the cause is gone."
    return "It is not tried again by itself: reattempt when the cause is gone."


def _at(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


FACTS: Final[Mapping[str, Callable[[Evidence], str]]] = {
    "host": lambda e: e.host,
    "address": lambda e: e.address,
    "code": _code,
    "text": _text,
    "reply": lambda e: f"{_code(e)} {_text(e)}".strip(),
    "stage": lambda e: e.last.stage.replace("_", " ") if e.last else "",
    "at": lambda e: _at(e.next_attempt_at),
    "opens": lambda e: _at(e.opens_at),
    "limit": lambda e: f"{e.options.sending.timing.messages_per_minute or 0:,}",
    "days": lambda e: f"{e.options.sending.timing.days}",
    "again": _again,
    "for_now": lambda e: "for good" if refused_for_good(e) else "for now",
}
"""`code` and `text` are the host's, together its `reply`; `at` is the next try, `opens` when the schedule lets mail
leave again, `again` a sentence about when it is tried again."""
