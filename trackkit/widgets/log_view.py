"""Which entries of the log a view shows: the conditions, as arguments of a call, as Python, and as they are saved.

A time can go with the clock ("the last 24 hours"); it is counted anew for every question, and in the Python, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from trackkit.contract.log_filters import FilterConditions
from trackkit.domain.log import Match
from trackkit.domain.log_filters import ago


@dataclass(frozen=True, slots=True)
class LogView:
    """The conditions; none = no condition. `last_minutes` stands instead of `since` and `until`."""

    level: str | None = None
    match: Match = Match.more
    last_minutes: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    source: str | None = None
    database: str | None = None
    username: str | None = None
    client_address: str | None = None

    @classmethod
    def of(cls, conditions: FilterConditions) -> LogView:
        """What a saved filter says."""
        return cls(**{**conditions.model_dump(), "level": None if conditions.level is None else str(conditions.level)})

    @property
    def saved(self) -> dict[str, Any]:
        """As they are saved; `match` says something only beside a level."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return given if self.level else {name: value for name, value in given.items() if name != "match"}

    def conditions(self, now: datetime | None = None) -> dict[str, Any]:
        """As arguments of `server.log.list`; now = this instant unless given."""
        given = self.saved
        minutes = given.pop("last_minutes", None)
        return given if minutes is None else {**given, "since": ago(now or datetime.now(UTC), minutes)}

    def between(self, since: datetime | None, until: datetime | None) -> LogView:
        """The same of another time."""
        return replace(self, last_minutes=None, since=since, until=until)

    @property
    def as_python(self) -> str:
        """As they are written in a call; `imports` is what that needs."""
        written = [f"{name}={_literal(value)}" for name, value in self.saved.items() if name != "last_minutes"]
        if self.last_minutes is not None:
            written.append(f"since=datetime.now(UTC) - timedelta(minutes={self.last_minutes})")
        return ", ".join(written)

    @property
    def imports(self) -> str:
        """The line that has to stand before the call; empty when none has."""
        if self.last_minutes is not None:
            return "from datetime import UTC, datetime, timedelta\n\n"
        return "from datetime import datetime\n\n" if self.since or self.until else ""


def call_of(method: str, view: LogView, **more: object) -> str:
    """``server.log.<method>(…)`` with the conditions of the view, and what has to stand before it.

    Parameters
    ----------
    more: further arguments; those before the conditions have names that begin with an underscore.
    """
    first = [repr(value) for name, value in more.items() if name.startswith("_")]
    last = [f"{name}={value!r}" for name, value in more.items() if not name.startswith("_")]
    arguments = ", ".join([*first, *filter(None, [view.as_python]), *last])
    return f"{view.imports}server.log.{method}({arguments})"


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return f"datetime.fromisoformat({value.isoformat()!r})"
    return repr(str(value))


def problems_of(given: Mapping[str, object]) -> dict[str, str]:
    """What is wrong with conditions, by their names; what the server would say, before it is asked."""
    from pydantic import ValidationError

    from trackkit.domain.errors import InvalidInput
    from trackkit.domain.log_filters import check_times

    try:
        conditions = FilterConditions.model_validate(given)
        check_times(conditions.since, conditions.until, conditions.last_minutes)
    except ValidationError as error:
        return {str(one["loc"][0]): one["msg"][:1].lower() + one["msg"][1:] for one in error.errors()}
    except InvalidInput as error:
        return {problem.field: problem.message for problem in error.problems}
    return {}
