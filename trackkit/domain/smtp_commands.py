"""What a mail client says, taken apart: command lines and their arguments (RFC 5321 §4.1), and replies to them.

Only CR LF ends a command line, nothing outside printable ASCII is in one. What is not understood is a `Refusal` that
holds the reply. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trackkit.domain.addresses import address_problem

LONGEST_LINE = 12_288 + 2
"""Octets with CR LF: RFC 4954 §4 asks for so much in an AUTH exchange; other commands are far shorter."""

_PATH = r'<((?:"(?:[^"\\]|\\.)*"|[^">])*)>(?: +(.*))?\Z'
_FROM = re.compile("(?i:FROM): *" + _PATH)
_TO = re.compile("(?i:TO): *" + _PATH)
_ROUTE = re.compile(r"@[^:\"]+:")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?\Z")
_UNPRINTABLE = re.compile(rb"[^ -~]")
_SIZE = re.compile(r"[0-9]{1,20}\Z")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client is answered: code, enhanced code (RFC 3463; may be empty) and a text for people."""

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


class Refusal(Exception):
    """A command is refused with `reply`."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(code, enhanced, text)


@dataclass(frozen=True, slots=True)
class Sender:
    """The argument of MAIL."""

    address: str
    """``""`` = the null sender."""
    size: int
    """Octets the client announces (RFC 1870); 0 = none announced."""


def command(line: bytes) -> tuple[str, str]:
    """The verb in upper case and its argument.

    Parameters
    ----------
    line: with its end.
    """
    if not line.endswith(b"\r\n"):
        raise Refusal(500, "5.5.2", "Lines end in CR LF (RFC 5321, 2.3.8)")
    if not line.isascii() and line[:4].upper() in (b"MAIL", b"RCPT"):
        raise Refusal(553, "5.6.7", "Addresses have ASCII characters only; write the domain in its xn-- form")
    if _UNPRINTABLE.search(line, 0, len(line) - 2):
        raise Refusal(500, "5.5.2", "Commands have printable ASCII characters only")
    verb, _, argument = line[:-2].decode("ascii").partition(" ")
    return verb.upper(), argument.strip()


def sender(argument: str) -> Sender:
    """What follows ``MAIL``."""
    path, rest = _path(_FROM, argument, "MAIL FROM:<address>")
    if path and (reason := address_problem(path)):
        raise Refusal(553, "5.1.7", f"The sender {reason}")
    size = 0
    for name, value in _parameters(rest).items():
        if name == "SIZE" and _SIZE.match(value):
            size = int(value)
        elif name == "BODY" and value.upper() in ("7BIT", "8BITMIME"):
            continue  # bytes are taken as they are, whichever it is
        elif name == "AUTH" and value:
            continue  # RFC 4954 §5: has to be taken where AUTH is offered; nobody is believed for it
        elif name in ("SIZE", "BODY", "AUTH"):
            raise Refusal(501, "5.5.4", f"The value of {name} makes no sense")
        else:
            raise Refusal(555, "5.5.4", f"The parameter {name} is not known here")
    return Sender(path, size)


def recipient(argument: str) -> str:
    """What follows ``RCPT``."""
    path, rest = _path(_TO, argument, "RCPT TO:<address>")
    for name in _parameters(rest):
        raise Refusal(555, "5.5.4", f"The parameter {name} is not known here")
    if reason := address_problem(path):
        raise Refusal(553, "5.1.3", f"The recipient {reason}")
    return path


def _path(form: re.Pattern[str], argument: str, syntax: str) -> tuple[str, str]:
    match = form.match(argument)
    if match is None:
        raise Refusal(501, "5.5.2", f"Write {syntax}")
    # A source route is taken and passed over (RFC 5321 §3.6.1).
    return _ROUTE.sub("", match[1], count=1) if match[1].startswith("@") else match[1], match[2] or ""


def _parameters(text: str) -> dict[str, str]:
    found = {}
    for part in text.split():
        match = _PARAMETER.match(part)
        if match is None:
            raise Refusal(501, "5.5.4", "A parameter makes no sense")
        found[match[1].upper()] = match[2] or ""
    return found
