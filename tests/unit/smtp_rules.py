"""How mail hosts misbehave, and what has to become of the recipients then: the rule as a table, in words of its own.

It says what RFC 5321 asks for in §3.8, §4.2.1, §4.5.3.2 and §6.1.
"""

from __future__ import annotations

from tests.fakes.smtp_server import Action, babble, drop, say, slowly, stall
from trackkit.domain.replies import Failure

HOWS: dict[str, tuple[str, Action]] = {
    "4xx": ("4xx", say("451 4.3.0 later")),
    "5xx": ("5xx", say("554 5.7.0 never")),
    "5xx in many lines": ("5xx", say("554-5.7.0 never\n554-5.7.0 I said\n554 5.7.0 never")),
    "421": ("421", say("421 4.3.2 closing")),
    "421 and gone": ("421", drop("421 4.3.2 closing")),
    "gone": ("gone", drop()),
    "gone within a line": ("gone", Action(b"250 2.0", "hang up")),
    "gone within a reply": ("gone", Action(b"250-2.0.0 a\r\n", "hang up")),
    "silence": ("silent", stall()),
    "silence within a line": ("silent", Action(b"250 2.0", "fall silent")),
    "silence within a reply": ("silent", Action(b"250-2.0.0 a\r\n", "fall silent")),
    "byte by byte for ever": ("silent", babble(b"250 " + b"x" * 1000 + b"\r\n", pause=0.05)),
    "byte by byte": ("slow", slowly(0.001)),
    "garbage": ("nonsense", babble(b"\x00\xff\xfe garbage \x1b[31m\r\n")),
    "another protocol": ("nonsense", babble(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "an endless line": ("nonsense", babble(b"250 " + b"x" * 100_000)),
    "an endless reply": ("nonsense", babble(b"250-x\r\n" * 100_000)),
    "a code of no class": ("nonsense", say("199 what")),
    "a code of another class": ("nonsense", say("354 go on")),
}
"""How a host misbehaves: which column of the table it belongs to, and what it does."""

TABLE = """
stage          4xx  5xx  421  gone  silent  nonsense  slow
greeting       T    T    T    T     T       T         A
ehlo           T    T    T    T     T       T         A
starttls       T    T    T    T     T       T         A
login          T    T    T    T     T       T         A
sender         T    P    T    T     T       T         A
recipient      t    p    T    T     T       T         A
data           T    P    T    T     T       T         A
final_dot      T    P    T    U     U       U         A
taken          T    P    T    U     U       U         A
reset          A    A    A    A     A       A         A
reset_between  r    r    r    r     r       r         a
quit           A    A    A    A     A       A         A
"""
"""Which verdict the recipients get: A accepted, T temporary, P permanent, U unknown (may arrive twice).

In small letters: t, p = only the recipient it was about, the others are accepted; r = those of the first hundred have
failed for good before, the others are temporary; a = as r, but the others are accepted.

- greeting, ehlo, starttls, login: a 5xx is about the set-up, not about the mail, so it is temporary.
- taken: as final_dot, but the host has taken the message: what was refused all the same is sent again.
- reset: before the second message on a connection; nothing has been tried, a new connection does it.
- reset_between: before the rest of one message's recipients.
- quit: everything is done.
"""

FAILURES = {
    "4xx": (Failure.replied, 451),
    "5xx": (Failure.replied, 554),
    "421": (Failure.replied, 421),
    "gone": (Failure.dropped, None),
    "silent": (Failure.timed_out, None),
    "nonsense": (Failure.garbled, None),
}


def rules() -> dict[tuple[str, str], str]:
    """The table by (stage, column)."""
    head, *rows = [line.split() for line in TABLE.strip().splitlines()]
    return {(row[0], column): rule for row in rows for column, rule in zip(head[1:], row[1:], strict=True)}
