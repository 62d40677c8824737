"""E-mails of records, and mails that were fetched, as DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from trackkit.contract.email_answers import AnsweredEmail
from trackkit.contract.inbox import InboxMail
from trackkit.contract.project_mail import EmailView
from trackkit.frames import INSTANT, Column, frame_of, plain

if TYPE_CHECKING:
    import pandas as pd

SIDES = {"received": "people outside, for an answer from here", "sent": "users here, for an answer from outside"}
"""Who waits, by the direction of the e-mail that waits."""


def emails_frame(rows: Iterable[EmailView], server: str = "") -> pd.DataFrame:
    """E-mails of a project's records, one row each; ``outcomes`` is what came back from the recipients."""
    return frame_of(rows, server, _EMAILS)


def inbox_frame(rows: Iterable[InboxMail], server: str = "") -> pd.DataFrame:
    """Mails that were fetched, one row each."""
    return frame_of(rows, server, _INBOX)


def answers_frame(rows: Iterable[AnsweredEmail], server: str = "") -> pd.DataFrame:
    """E-mails that people wrote, one row each, with when each was first answered."""
    return frame_of(rows, server, _ANSWERS)


def wanting(frame: pd.DataFrame) -> pd.DataFrame:
    """An `answers_frame` without what was sent to answer something, and has not been answered itself: it may be the
    last word."""
    last_word = (frame["direction"] == "sent") & frame["answers"].notna() & frame["answered_at"].isna()
    return frame[~last_word]


_EMAILS: Mapping[str, Column] = {
    **plain("int64", "number"),
    **plain("str", "record", "direction", "origin"),
    **plain("bool", "tracked"),
    **plain("Int64", "answers"),
    **plain("str", "user", "standing", "sender"),
    "recipients": ("str", lambda row: ", ".join(one.address for one in row.recipients)),
    "outcomes": ("str", lambda row: ", ".join(one.outcome for one in row.recipients if one.outcome)),
    **plain("str", "subject", "queue_id"),
    **plain(INSTANT, "at"),
    **plain("int64", "files"),
}
_INBOX: Mapping[str, Column] = {
    **plain("int64", "inbox_id"),
    **plain(INSTANT, "fetched_at"),
    "state": ("str", lambda row: row.state.value),
    **plain("str", "rule", "reason", "kind", "author", "subject"),
    **plain("int64", "size"),
    **plain("str", "sha256", "mailbox", "database", "record"),
    **plain("Int64", "email"),
    **plain("bool", "kept"),
}
_ANSWERS: Mapping[str, Column] = {
    **plain("int64", "number"),
    **plain("str", "record", "direction", "user"),
    **plain("Int64", "answers"),
    **plain(INSTANT, "at", "answered_at"),
    **plain("bool", "bounced"),
}
