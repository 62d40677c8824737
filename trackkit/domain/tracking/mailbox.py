"""Fetching from a mailbox: what is to be fetched and deleted there, when it is tried again, why it fails. Pure.

A message may be deleted at the host only when its bytes are kept here, or with its record, or when it may go by option;
`removable` is the one place that says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trackkit.domain.evidence import Diagnosis
from trackkit.domain.probe_steps import StepKind
from trackkit.domain.replies import Failure, Outcome
from trackkit.domain.tracking.inbox import InboxState

TOO_LARGE: Final = "size"
"""The rule that quarantines what is too large to be fetched."""

LONGEST_WAIT: Final = timedelta(minutes=15)
"""Between two tries with a mailbox that fails; one that is polled more rarely than that is not tried more often."""

WAITS_LONG: Final = timedelta(hours=1)
"""Mail that has waited so long to be fetched, or to be filed, is told."""


class Trouble(StrEnum):
    """Why a mailbox cannot be fetched from."""

    in_use = "in_use"
    """Somebody else has it open (RFC 2449 §8.1.2)."""
    too_soon = "too_soon"
    """The host wants more time between two log-ins."""
    host = "host"
    """The host has trouble of its own (RFC 3206)."""
    login = "login"
    not_encrypted = "not_encrypted"
    untrusted = "untrusted"
    unreachable = "unreachable"
    here = "here"
    """What was fetched cannot be put down on this machine."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said about a trouble; `option` is the field of the mailbox it is about."""

    title: str
    words: str
    advice: str
    option: str


WORDS: Final[Mapping[Trouble, Words]] = MappingProxyType(
    {
        Trouble.in_use: Words(
            "The mailbox is locked",
            "Somebody else has the mailbox open: {text}",
            "It is tried again by itself. If it lasts, end whatever else fetches from it: the account must be used for "
            "nothing else.",
            "username",
        ),
        Trouble.too_soon: Words(
            "The host wants fewer log-ins",
            "The host wants more time between two log-ins: {text}",
            "Fetch mail less often.",
            "poll_interval",
        ),
        Trouble.host: Words(
            "The host has trouble of its own",
            "The host cannot open the mailbox for now: {text}",
            "It is tried again by itself. Tell the host's administrator if it lasts.",
            "host",
        ),
        Trouble.login: Words(
            "The host refuses the log-in",
            "The host refuses the log-in: {text}",
            "Check the account's name and password, and that the provider allows log-ins by POP3.",
            "password",
        ),
        Trouble.not_encrypted: Words(
            "The host does not encrypt as asked",
            "The log-in was not tried: {text}",
            "Choose the encryption that the host offers (110: STARTTLS, 995: TLS from the start).",
            "encryption",
        ),
        Trouble.untrusted: Words(
            "The host's certificate does not verify",
            "The host shows a certificate that does not verify: {text}",
            "Compare it with the host's own in the trust manager, and trust it there; or use the name that it was made "
            "for.",
            "host",
        ),
        Trouble.unreachable: Words(
            "The host cannot be used",
            "The mailbox cannot be fetched from: {text}",
            "Check host and port, that a POP3 server runs there, and that no firewall stands between.",
            "host",
        ),
        Trouble.here: Words(
            "Mail cannot be stored",
            "Mail cannot be put down here, and stays at the host: {text}",
            "Make room on the server machine, or bring its database back.",
            "enabled",
        ),
    }
)


def diagnosis_of(trouble: Trouble, text: str, options: str) -> Diagnosis:
    """What a trouble means; `options`: where the mailbox's fields stand (``tracking``)."""
    said = WORDS[trouble]
    words = said.words.format(text=text)
    return Diagnosis(trouble.value, said.title, words, said.advice, "options.set", f"{options}.{said.option}")


@dataclass(frozen=True, slots=True)
class MailboxWords:
    """What the outcomes of a test of a mailbox mean; `options` as for `diagnosis_of`."""

    options: str

    def diagnosis(self, outcome: Outcome, now: datetime) -> Diagnosis:
        """Why it failed."""
        trouble = trouble_of(outcome.failure, outcome.text) if outcome.failure else Trouble.unreachable
        return diagnosis_of(trouble, outcome.text, self.options)

    def works(self, kinds: Collection[StepKind]) -> str:
        """What it says when nothing failed."""
        return "The mailbox can be fetched from."


_OF_FAILURE: Final[Mapping[Failure, Trouble]] = MappingProxyType(
    {
        Failure.pop_not_encrypted: Trouble.not_encrypted,
        Failure.pop_untrusted: Trouble.untrusted,
        Failure.pop_refused: Trouble.login,
    }
)
_CODE: Final = re.compile(r"^\[([A-Z0-9/-]+)\]", re.IGNORECASE)
_LOCKED: Final = re.compile(
    r"\block(?:ed)?\b|\bin use\b|\bbusy\b|already (?:open|logged)|another session", re.IGNORECASE
)
_OF_CODE: Final[Mapping[str, Trouble]] = MappingProxyType(
    {
        "IN-USE": Trouble.in_use,
        "LOGIN-DELAY": Trouble.too_soon,
        "SYS/TEMP": Trouble.host,
        "SYS/PERM": Trouble.host,
        "AUTH": Trouble.login,
    }
)


def trouble_of(failure: Failure, text: str) -> Trouble:
    """What is the matter: the extended response code tells it, else the host's words do where it has no codes."""
    found = _CODE.match(text)
    if failure is Failure.pop_refused and found and found[1].upper() in _OF_CODE:
        return _OF_CODE[found[1].upper()]
    if failure is Failure.pop_refused and _LOCKED.search(text):
        return Trouble.in_use
    return _OF_FAILURE.get(failure, Trouble.unreachable)


def next_poll(interval: timedelta, failures: int) -> timedelta:
    """How long to wait after a poll, the last so many of which have failed."""
    if not failures:
        return interval
    doubled: int = 2 ** min(failures, 20)
    return min(interval * doubled, max(LONGEST_WAIT, interval))


@dataclass(frozen=True, slots=True)
class Listed:
    """A message that the host lists. `uidl`: its unique-id; empty where the host has none that tells it."""

    number: int
    size: int
    uidl: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about a mailbox's messages. `most`: bytes of a message that is fetched."""

    remove_untracked: bool
    most: int


def removable(state: InboxState, rule: str, *, kept: bool, rules: Rules) -> bool:
    """Whether a mail in that state may be deleted at the host; `kept`: its bytes are in the inbox."""
    if state in (InboxState.attached, InboxState.duplicate):
        return True  # the bytes are in the project
    if state is InboxState.discarded:
        return rule != TOO_LARGE  # else nobody has seen it
    if state is InboxState.quarantined:
        return kept
    return state is InboxState.untracked and rules.remove_untracked and kept


def wanted_again(state: InboxState, rule: str, size: int, *, kept: bool, rules: Rules) -> bool:
    """Whether a mail that was left at the host is to be fetched after all, since the options have changed."""
    if kept or size > rules.most:
        return False
    if state is InboxState.untracked:
        return rules.remove_untracked
    return state is InboxState.quarantined and rule == TOO_LARGE
