"""The diagnosis table as people read it: every row, how often it matched here, and replies that no row knows."""

from __future__ import annotations

from datetime import datetime

from trackkit.contract.operation import Nothing, Operation, Response
from trackkit.domain.accounts import Role


class DiagnosisRow(Response):
    """A row, in the order in which they are tried: the first that holds is the diagnosis.

    Names in capitals in `words` and `next_step` stand for what the evidence says.
    """

    cause: str
    title: str
    words: str
    next_step: str
    operation: str
    option: str
    tries: int
    """How many failed tries ended in it on this server; none do for mail that is not tried."""
    last_at: datetime | None
    """When it matched last; none = never on this server."""


class UnknownReply(Response):
    """Replies of hosts that are alike but for names and numbers; `text` and `host` are the last one's."""

    smtp_code: int | None
    enhanced_code: str
    text: str
    stage: str
    host: str
    tries: int
    first_at: datetime
    last_at: datetime


class Diagnoses(Response):
    """The whole table, and the latest unknown replies, the latest first."""

    rows: tuple[DiagnosisRow, ...]
    unknown: tuple[UnknownReply, ...]


DIAGNOSES = Operation(
    "mail.diagnoses",
    "GET",
    "/mail/diagnoses",
    Nothing,
    Diagnoses,
    Role.viewer,
    "Why mail can wait: every cause with its next step, how often each was met, and replies nobody knows",
)

OPERATIONS = (DIAGNOSES,)
