"""Saved filters of the server log: one's own and shared ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from trackkit.contract.log import LogConditions
from trackkit.contract.operation import Done, Nothing, Operation, Request, Response
from trackkit.domain import errors
from trackkit.domain.accounts import Role
from trackkit.domain.log import Severity
from trackkit.domain.log_filters import MAXIMUM_MINUTES, NAME_LENGTH, ago, last_words


class FilterConditions(LogConditions):
    """The conditions of the log; instead of `since` and `until` also `last_minutes`, counted when it is used.

    Also in answers unknown conditions are refused: a client that left one out would show entries that were not meant.
    """

    last_minutes: int | None = Field(None, ge=1, le=MAXIMUM_MINUTES)

    def at(self, now: datetime) -> dict[str, Any]:
        """As keyword arguments of `server.log.list`, at that instant."""
        given = self.model_dump(exclude_none=True, exclude={"last_minutes"})
        return given if self.last_minutes is None else {**given, "since": ago(now, self.last_minutes)}

    @property
    def words(self) -> str:
        """The conditions as people read them."""
        given = self.model_dump(mode="json", exclude_none=True, exclude={"match", "last_minutes"})
        if self.level is not None:
            given["level"] = f"{Severity.named(self.level).title} ({self.match.value})"
        said = [f"{name} {value}" for name, value in given.items()]
        return ", ".join([*said, *([last_words(self.last_minutes)] if self.last_minutes else [])]) or "all entries"


class SavedFilter(Response):
    """One filter. A shared one is everybody's and stays when whoever saved it last is deleted."""

    name: str
    shared: bool
    saved_by: str
    saved_at: datetime
    conditions: FilterConditions


class SavedFilters(Response):
    """One's own, then the shared ones; each by name."""

    filters: tuple[SavedFilter, ...]


class NamedFilter(Request):
    """One of one's own filters, or a shared one. Case does not matter."""

    name: str = Field(min_length=1, max_length=NAME_LENGTH)
    shared: bool = False


class SaveFilter(NamedFilter):
    """`replace`: overwrite the one of that name; without it that is a conflict. Sharing takes an operator."""

    replace: bool = False
    conditions: FilterConditions


LIST = Operation(
    "log.filters", "GET", "/log/filters", Nothing, SavedFilters, Role.viewer, "One's own and the shared log filters"
)
SAVE = Operation(
    "log.save_filter",
    "PUT",
    "/log/filters",
    SaveFilter,
    SavedFilter,
    Role.viewer,
    "Save a filter of the log",
    errors=(errors.Conflict,),
    audited=True,
)
DELETE = Operation(
    "log.delete_filter",
    "DELETE",
    "/log/filters",
    NamedFilter,
    Done,
    Role.viewer,
    "Delete a saved filter of the log",
    errors=(errors.NotFound,),
    audited=True,
)

OPERATIONS = (LIST, SAVE, DELETE)
