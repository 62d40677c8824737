"""The conditions of the log as keyword arguments: of every question to it, and of a filter that is kept."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from trackkit.domain.log import Match


class Conditions(TypedDict, total=False):
    """Besides the level: `since` and `until` are aware instants, `until` exclusive; `text` is in message or details."""

    since: datetime | None
    until: datetime | None
    source: str | None
    database: str | None
    username: str | None
    client_address: str | None
    text: str | None


class SavedConditions(Conditions, total=False):
    """Those of a saved filter: also the level, and `last_minutes`, counted back from whenever the filter is used."""

    level: str | None
    match: Match | str
    last_minutes: int | None
