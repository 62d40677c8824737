"""What a domain's MTA-STS policy says (RFC 8461): which hosts take its mail, and only over verified TLS.

Fails with `NoPolicy` for a text that is none; such a domain is treated as having none (§3.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST_SECONDS = 31_557_600
"""§3.2: the greatest `max_age`."""

_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
_MOST_HOSTS = 500


class NoPolicy(Exception):
    """The text is no policy."""


class Mode(StrEnum):
    """§5: what to do when a host does not fit."""

    enforce = "enforce"
    testing = "testing"
    none = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """A domain's policy."""

    mode: Mode
    mx: tuple[str, ...]
    """Names of hosts; ``*.`` stands for exactly one label."""
    max_age: int
    """Seconds it holds."""

    def allows(self, host: str) -> bool:
        """Whether mail may go to that host (§4.1)."""
        return any(_fits(host.lower().rstrip("."), pattern) for pattern in self.mx)


def _fits(host: str, pattern: str) -> bool:
    return host.partition(".")[2] == pattern[2:] if pattern.startswith("*.") else host == pattern


def policy_id(texts: tuple[str, ...]) -> str | None:
    """The id in the TXT records at ``_mta-sts``; none = there is no policy, also when there are several (§3.1)."""
    ours = [text for text in texts if re.match(r"v=STSv1\s*;", text)]
    if len(ours) != 1:
        return None
    fields = dict(_pair(part, "=") for part in ours[0].split(";") if "=" in part)
    found = fields.get("id", "")
    return found if _ID.match(found) else None


def read_policy(text: str) -> Policy:
    """A policy file (§3.2); raises `NoPolicy`."""
    values: dict[str, str] = {}
    mx: list[str] = []
    for line in text.splitlines():
        key, value = _pair(line, ":")
        if key == "mx":
            mx.append(value.lower().rstrip("."))
        elif key:
            values.setdefault(key, value)
    if values.get("version") != "STSv1":
        raise NoPolicy("its version is not STSv1")
    if values.get("mode") not in list(Mode):
        raise NoPolicy("its mode is none of enforce, testing and none")
    age = values.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= len(str(LONGEST_SECONDS))):
        raise NoPolicy("its max_age is no number of seconds")
    mode = Mode(values["mode"])
    if mode is not Mode.none and not mx:
        raise NoPolicy("it names no mail host")
    return Policy(mode, tuple(mx[:_MOST_HOSTS]), min(int(age), LONGEST_SECONDS))


def _pair(text: str, separator: str) -> tuple[str, str]:
    key, _, value = text.partition(separator)
    return key.strip(), value.strip()
