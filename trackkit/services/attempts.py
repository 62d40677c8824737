"""What goes between the mail engine and the queue: messages leased, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trackkit.domain.message import MailType
from trackkit.domain.replies import Outcome


@dataclass(frozen=True, slots=True)
class ClaimedRecipient:
    """A recipient to try."""

    recipient_id: int
    address: str
    mail_type: MailType = MailType.internet


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message leased to this worker."""

    message_id: int
    queue_id: str
    mail_from: str
    raw: bytes
    recipients: tuple[ClaimedRecipient, ...]
    mailed: bool = True
    """Trouble with it may be e-mailed: it is no mail about log entries itself."""
    holder: str = ""
    """In which life of which worker it was claimed."""
    is_part: bool = False
    """Others of its recipients are being sent to apart from these."""


class Said(Protocol):
    """A conversation that nobody adds to any more."""

    @property
    def text(self) -> str:
        """For a person to read. May be called in any thread."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of a claimed message. A recipient (by id) missing from `outcomes` is given back untried."""

    claimed: Claimed
    started_at: datetime
    ended_at: datetime
    host: str
    outcomes: Mapping[int, Outcome]
    said: str | Said
    """The conversation with the host, or what makes its text."""

    @classmethod
    def untried(cls, claimed: Claimed, now: datetime) -> Attempted:
        """Nothing became of it: it is given back."""
        return cls(claimed, now, now, "", {}, "")

    @property
    def conversation(self) -> str:
        """What was said, made when it is asked for: of a message that is sent it never is."""
        return self.said if isinstance(self.said, str) else self.said.text
