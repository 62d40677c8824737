"""Records become DataFrames with declared columns and types, the same for no records at all.

Instants are UTC and aware; levels, states and roles are ordered categories with every value in the order of the
domain, so that they sort, group and compare as they should (``frame.level <= "warning"`` is "warning and more
severe"). Each frame begins with the column ``server``, so that frames of several servers stack (`frames.stacking`).
Pure: no request is made here. pandas is loaded at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from trackkit.contract.audit import AuditRecord
from trackkit.contract.log import LogHistogram, LogRow
from trackkit.contract.mail import QueueAges, QueuedMessage
from trackkit.contract.mail_groups import QueueGroups
from trackkit.contract.mail_history import SentMail
from trackkit.domain.accounts import Role
from trackkit.domain.ages import Age
from trackkit.domain.delivery import State
from trackkit.domain.log import SEVERITY_NAMES

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ages_frame",
    "audit_frame",
    "domain_ages_frame",
    "groups_frame",
    "histogram_frame",
    "log_frame",
    "mail_frame",
    "sent_frame",
]

Column = tuple[str, Callable[[Any], object]]
"""A dtype's name and how to read the value out of a record."""

INSTANT = "datetime64[us, UTC]"
_ORDERED: Mapping[str, tuple[str, ...]] = {
    "level": SEVERITY_NAMES,
    "state": tuple(state.value for state in State),
    "age": tuple(age.value for age in Age),
    "role": tuple(role.value for role in Role),
}


def log_frame(rows: Iterable[LogRow], server: str = "") -> pd.DataFrame:
    """Log entries, one row each, in the order given."""
    return frame_of(rows, server, _LOG)


def mail_frame(rows: Iterable[QueuedMessage], server: str = "") -> pd.DataFrame:
    """The mail queue, one row a message, with the cause it waits for, in words, and the next step."""
    return frame_of(rows, server, _MAIL)


def sent_frame(rows: Iterable[SentMail], server: str = "") -> pd.DataFrame:
    """Mail that has left, one row a recipient."""
    return frame_of(rows, server, _SENT)


def audit_frame(rows: Iterable[AuditRecord], server: str = "") -> pd.DataFrame:
    """Audit records, one row each; `before` and `after` hold dictionaries."""
    return frame_of(rows, server, _AUDIT)


def histogram_frame(histogram: LogHistogram, server: str = "") -> pd.DataFrame:
    """Log entries by time and level: one row for each bucket and counted level, those without any entry too.

    A bucket holds ``starts_at <= at < ends_at``.
    """
    width = timedelta(seconds=histogram.bucket_seconds)
    starts = [histogram.starts_at + number * width for number in range(histogram.buckets)]
    found = {(count.starts_at, count.level): count.entries for count in histogram.counts}
    rows = [
        (start, start + width, level.value, found.get((start, level), 0))
        for start in starts
        for level in histogram.levels
    ]
    return frame_of(rows, server, _HISTOGRAM)


def ages_frame(ages: QueueAges, server: str = "") -> pd.DataFrame:
    """Unsent mail by state and age: one row for each pair, those without any message too."""
    found = {(count.state, count.age): count.messages for count in ages.states}
    states = [state for state in State if state not in (State.deleted, State.sent)]
    rows = [(state.value, age.value, found.get((state, age), 0)) for state in states for age in Age]
    return frame_of(rows, server, _AGES)


def domain_ages_frame(ages: QueueAges, server: str = "") -> pd.DataFrame:
    """Unsent mail by domain and age: one row for each pair of the counted domains, in their order."""
    found = {(count.domain, count.age): count.messages for count in ages.domains}
    domains = dict.fromkeys(count.domain for count in ages.domains)
    rows = [(domain, age.value, found.get((domain, age), 0)) for domain in domains for age in Age]
    return frame_of(rows, server, _DOMAIN_AGES)


def groups_frame(groups: QueueGroups, server: str = "") -> pd.DataFrame:
    """Stuck mail, one row for each cause, destination and age, in the order of the answer."""
    rows = [
        (cause.diagnosis, destination.destination, group.age.value, group.messages, group.oldest_queued_at)
        for cause in groups.causes
        for destination in cause.destinations
        for group in destination.ages
    ]
    return frame_of(rows, server, _GROUPS)


def frame_of(rows: Iterable[Any], server: str, columns: Mapping[str, Column]) -> pd.DataFrame:
    """A frame of records with these columns, behind the column ``server``."""
    import pandas as pd

    held = list(rows)
    data = {"server": pd.Series([server] * len(held), dtype="str")}
    for name, (dtype, read) in columns.items():
        values = [read(row) for row in held]
        data[name] = pd.Series(values, dtype=_dtype(dtype))
    return pd.DataFrame(data)


def _at(place: int, dtype: str) -> Column:
    """A column that is an item of a row which is a tuple."""
    return dtype, itemgetter(place)


def _dtype(name: str) -> Any:
    import pandas as pd

    return pd.CategoricalDtype(list(_ORDERED[name]), ordered=True) if name in _ORDERED else name


def plain(dtype: str, *names: str) -> dict[str, Column]:
    """Columns that are a field of the record."""
    return {name: (dtype, attrgetter(name)) for name in names}


_LOG: Mapping[str, Column] = {
    **plain("int64", "entry_id"),
    **plain(INSTANT, "at"),
    "level": ("level", lambda row: row.level.value),
    **plain("str", "source", "database", "username", "client_address", "message", "details"),
}

_MAIL: Mapping[str, Column] = {
    **plain("str", "queue_id"),
    **plain(INSTANT, "queued_at"),
    **plain("int64", "attempts"),
    **plain("str", "subject", "sender"),
    **plain("int64", "recipients"),
    "domains": ("str", lambda row: ", ".join(row.domains)),
    "state": ("state", lambda row: row.state.value),
    **plain(INSTANT, "next_attempt_at"),
    **plain("int64", "size"),
    "cause": ("str", lambda row: row.diagnosis.cause),
    "diagnosis": ("str", lambda row: row.diagnosis.words),
    "next_step": ("str", lambda row: row.diagnosis.next_step),
}

_SENT: Mapping[str, Column] = {
    **plain("int64", "history_id"),
    **plain("str", "queue_id", "message_id", "sender", "recipient", "subject"),
    **plain(INSTANT, "queued_at", "sent_at"),
    **plain("str", "host", "reply"),
    **plain("int64", "tries"),
}

_AUDIT: Mapping[str, Column] = {
    **plain("int64", "record_id"),
    **plain(INSTANT, "at"),
    **plain("str", "operation", "username", "client_address", "subject"),
    **plain("object", "before", "after"),
}

_HISTOGRAM: Mapping[str, Column] = {
    "starts_at": _at(0, INSTANT),
    "ends_at": _at(1, INSTANT),
    "level": _at(2, "level"),
    "entries": _at(3, "int64"),
}

_AGES: Mapping[str, Column] = {"state": _at(0, "state"), "age": _at(1, "age"), "messages": _at(2, "int64")}

_DOMAIN_AGES: Mapping[str, Column] = {"domain": _at(0, "str"), "age": _at(1, "age"), "messages": _at(2, "int64")}

_GROUPS: Mapping[str, Column] = {
    "cause": ("str", lambda row: row[0].cause),
    "title": ("str", lambda row: row[0].title),
    "destination": _at(1, "str"),
    "age": _at(2, "age"),
    "messages": _at(3, "int64"),
    "oldest_queued_at": _at(4, INSTANT),
    "next_step": ("str", lambda row: row[0].next_step),
    "operation": ("str", lambda row: row[0].operation),
}
