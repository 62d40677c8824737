"""`server.log.filters`: filters of the log that are kept on the server, one's own and shared ones.

server.log.filters.save("last night", level="warning", last_minutes=720)
server.log.frame(**server.log.filters.conditions("last night"))
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Unpack

from trackkit.client.call import Caller
from trackkit.client.log_conditions import SavedConditions
from trackkit.contract import log_filters
from trackkit.contract.operation import Done
from trackkit.domain.errors import NotFound
from trackkit.domain.log_filters import filter_key


class LogFilters:
    """Saved filters. Everybody has their own; the shared ones are everybody's, and operators change them."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self) -> log_filters.SavedFilters:
        """One's own, then the shared ones."""
        return self._caller.ask(log_filters.LIST)

    def save(
        self, name: str, *, shared: bool = False, replace: bool = False, **conditions: Unpack[SavedConditions]
    ) -> log_filters.SavedFilter:
        """Keep these conditions under a name; `Conflict` when it is taken, unless `replace`."""
        return self._caller.ask(
            log_filters.SAVE, name=name, shared=shared, replace=replace, conditions=dict(conditions)
        )

    def delete(self, name: str, *, shared: bool = False) -> Done:
        """Delete one of one's own, or a shared one."""
        return self._caller.ask(log_filters.DELETE, name=name, shared=shared)

    def find(self, name: str) -> log_filters.SavedFilter:
        """The filter of that name, whatever its case: one's own before a shared one; `NotFound`."""
        for saved in self.list().filters:
            if filter_key(saved.name) == filter_key(name.strip()):
                return saved
        raise NotFound(f"There is no saved filter {name!r}.")

    def conditions(self, name: str) -> dict[str, Any]:
        """What that filter means now, as keyword arguments of `server.log.list`, `frame` and the others."""
        return self.find(name).conditions.at(datetime.now(UTC))
