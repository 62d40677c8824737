"""A test of the settings, step by step: what the steps are called, how each went, what to do about one that failed.

What a failure means is said by `diagnosis.TABLE`, as everywhere; of its next step only what concerns the settings is
kept, because a test has no mail that could be reattempted. Where nothing is left, `ADVICE` speaks. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from trackkit.domain.delivery import State
from trackkit.domain.diagnosis import diagnose
from trackkit.domain.evidence import Diagnosis, Evidence
from trackkit.domain.fixes import Fix
from trackkit.domain.options import Options
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict


class StepKind(StrEnum):
    """What a step tries."""

    settings = "settings"
    name = "name"
    connect = "connect"
    greeting = "greeting"
    ehlo = "ehlo"
    encryption = "encryption"
    certificate = "certificate"
    login = "login"
    sender = "sender"
    recipient = "recipient"
    message = "message"
    mailbox = "mailbox"
    """What is in the mailbox that mail is fetched from."""
    other_ways = "other_ways"
    """After a failure: whether the host can be reached another way."""


class StepState(StrEnum):
    """How a step went."""

    running = "running"
    done = "done"
    failed = "failed"
    skipped = "skipped"


TITLES: Final[Mapping[StepKind, str]] = MappingProxyType(
    {
        StepKind.settings: "Settings",
        StepKind.name: "Name",
        StepKind.connect: "Connect",
        StepKind.greeting: "Greeting",
        StepKind.ehlo: "EHLO",
        StepKind.encryption: "Encryption",
        StepKind.certificate: "Certificate",
        StepKind.login: "Log-in",
        StepKind.sender: "Sender",
        StepKind.recipient: "Recipient",
        StepKind.message: "Test message",
        StepKind.mailbox: "Mailbox",
        StepKind.other_ways: "Other ways to the host",
    }
)

_OF_STAGE: Final[Mapping[Stage, StepKind]] = MappingProxyType(
    {
        Stage.configuration: StepKind.settings,
        Stage.pop: StepKind.login,
        Stage.starttls: StepKind.encryption,
        Stage.data: StepKind.message,
        Stage.final_dot: StepKind.message,
    }
)


def kind_of(stage: Stage) -> StepKind:
    """The step that a stage of a delivery is."""
    return _OF_STAGE.get(stage) or StepKind(stage.value)


UNTRUSTED: Final = (Failure.tls_untrusted, Failure.pop_untrusted)


@dataclass(frozen=True, slots=True)
class Step:
    """How one step went.

    Parameters
    ----------
    whom: the host it was tried with, or what else it is about.
    said: what came of it, in a few words; of a skipped one why.
    outcome: why it failed.
    """

    kind: StepKind
    whom: str
    state: StepState
    seconds: float = 0.0
    said: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a test has recognised besides. `option` is the one it is about, for a form to open at."""

    kind: str
    words: str
    advice: str
    option: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a test came to.

    Parameters
    ----------
    outcome: what it ended with; none = the settings work.
    """

    outcome: Outcome | None
    notices: tuple[Notice, ...] = ()
    fixes: tuple[Fix, ...] = ()
    conversation: str = ""


ADVICE: Final[Mapping[StepKind, str]] = MappingProxyType(
    {
        StepKind.settings: "Complete the settings, then test again.",
        StepKind.name: "Check the spelling of the name, and the DNS of the server machine.",
        StepKind.connect: "Check host and port, and that no firewall stands between.",
        StepKind.greeting: "Check that a mail server listens on that port, and whether it wants TLS from the start.",
        StepKind.ehlo: "The host does not speak SMTP as it should: ask its administrator.",
        StepKind.encryption: "Choose the encryption that the host offers (587: STARTTLS, 465: TLS from the start).",
        StepKind.certificate: "Compare the certificate with the host's own before it is trusted.",
        StepKind.login: "Check the mail account's name and password.",
        StepKind.sender: "Test with a sender whose mail the host takes, such as the mail account's own address.",
        StepKind.recipient: "Test with a recipient whom the host takes; if it refuses for now only, test again later.",
        StepKind.message: "Read the reply: size, content or policy. Everything before the message works.",
        StepKind.mailbox: "Try again in a moment; ask the host's administrator if it lasts.",
        StepKind.other_ways: "",
    }
)
"""What to do about a step that failed, where the diagnosis says nothing that fits a test."""

_OF_THE_QUEUE: Final = re.compile(
    r"^Nothing\b(?! was)|\b(?:reattempt|next try\b|tried again\b|try at once\b|passes by itself\b|in a new mail\b|"
    r"correct it here\b|delete (?:the mail|this one|it here)\b)",
    re.IGNORECASE,
)
_SENTENCES: Final = re.compile(r"(?<=[.?!])\s+")


def advice_of(found: Diagnosis, kind: StepKind) -> str:
    """What to do about a failed step: the sentences of the diagnosis that are not about mail in the queue."""
    sentences = [one for one in _SENTENCES.split(found.next_step) if one and not _OF_THE_QUEUE.search(one)]
    return " ".join(sentences) or ADVICE[kind]


def diagnosis_of(outcome: Outcome, options: Options, address: str, now: datetime) -> Diagnosis:
    """What the one table says of it; nothing that only mail in the queue waits for, since a test goes past that."""
    mapi = options.sending.mapi.model_copy(update={"paused": False})
    sending = options.sending.model_copy(update={"paused": False, "mapi": mapi})
    at_work = options.model_copy(update={"sending": sending})
    if outcome.stage is Stage.configuration and outcome.failure is None:  # nothing was tried
        return diagnose(Evidence(State.queued, now, at_work, now, address))
    state = State.failed if outcome.verdict is Verdict.permanent else State.deferred
    return diagnose(Evidence(state, now, at_work, now, address, 1, outcome))


@dataclass(frozen=True, slots=True)
class MailWords:
    """What the outcomes of a test of how mail leaves mean.

    Parameters
    ----------
    options, recipient: with which, and to whom, it was begun.
    """

    options: Options
    recipient: str

    def diagnosis(self, outcome: Outcome, now: datetime) -> Diagnosis:
        """Why it failed."""
        return diagnosis_of(outcome, self.options, self.recipient, now)

    def works(self, kinds: Collection[StepKind]) -> str:
        """What it says when nothing failed in these steps."""
        if StepKind.message in kinds:
            return WORKS_AND_SENT.format(recipient=self.recipient)
        return WORKS if StepKind.sender in kinds or StepKind.ehlo not in kinds else WORKS_UNASKED


WORKS: Final = "The settings work."
WORKS_AND_SENT: Final = "The settings work: the host has taken the test message for {recipient}."
WORKS_UNASKED: Final = "The settings work as far as they were tested: no sender and recipient were given to ask for."
"""What a test says at its end."""


def works_not(found: Diagnosis) -> str:
    """The same where the settings do not work."""
    title = found.title if found.title[1:2].isupper() else f"{found.title[:1].lower()}{found.title[1:]}"  # MAPI, SPF
    return f"The settings do not work: {title}."
