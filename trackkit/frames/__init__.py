"""Records become DataFrames with declared columns and types, the same for no records at all.

Instants are UTC and aware; levels and states are ordered categories with every value in the order of the domain, so
that they sort, group and compare as they should (``frame.level <= "warning"`` is "warning and more severe"). Each
frame begins with the column ``server``, so that frames of several servers stack. Pure: no request is made here.
pandas is loaded at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from trackkit.contract.audit import AuditRecord
from trackkit.contract.log import LogRow
from trackkit.contract.mail import QueuedMessage, SentMail
from trackkit.domain.delivery import State
from trackkit.domain.log import SEVERITY_NAMES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["audit_frame", "log_frame", "mail_frame", "sent_frame"]

Column = tuple[str, Callable[[Any], object]]
"""A dtype's name and how to read the value out of a record."""

_INSTANT = "datetime64[us, UTC]"
_ORDERED: Mapping[str, tuple[str, ...]] = {
    "level": SEVERITY_NAMES,
    "state": tuple(state.value for state in State),
}


def log_frame(rows: Iterable[LogRow], server: str = "") -> pd.DataFrame:
    """Log entries, one row each, in the order given."""
    return _frame(rows, server, _LOG)


def mail_frame(rows: Iterable[QueuedMessage], server: str = "") -> pd.DataFrame:
    """The mail queue, one row a message, with the cause it waits for, in words, and the next step."""
    return _frame(rows, server, _MAIL)


def sent_frame(rows: Iterable[SentMail], server: str = "") -> pd.DataFrame:
    """Mail that has left, one row a recipient."""
    return _frame(rows, server, _SENT)


def audit_frame(rows: Iterable[AuditRecord], server: str = "") -> pd.DataFrame:
    """Audit records, one row each; `before` and `after` hold dictionaries."""
    return _frame(rows, server, _AUDIT)


def _frame(rows: Iterable[Any], server: str, columns: Mapping[str, Column]) -> pd.DataFrame:
    import pandas as pd

    held = list(rows)
    data = {"server": pd.Series([server] * len(held), dtype="str")}
    for name, (dtype, read) in columns.items():
        values = [read(row) for row in held]
        data[name] = pd.Series(values, dtype=_dtype(dtype))
    return pd.DataFrame(data)


def _dtype(name: str) -> Any:
    import pandas as pd

    return pd.CategoricalDtype(list(_ORDERED[name]), ordered=True) if name in _ORDERED else name


def _plain(dtype: str, *names: str) -> dict[str, Column]:
    """Columns that are a field of the record."""
    return {name: (dtype, attrgetter(name)) for name in names}


_LOG: Mapping[str, Column] = {
    **_plain("int64", "entry_id"),
    **_plain(_INSTANT, "at"),
    "level": ("level", lambda row: row.level.value),
    **_plain("str", "source", "database", "username", "client_address", "message", "details"),
}

_MAIL: Mapping[str, Column] = {
    **_plain("str", "queue_id"),
    **_plain(_INSTANT, "queued_at"),
    **_plain("int64", "attempts"),
    **_plain("str", "subject", "sender"),
    **_plain("int64", "recipients"),
    "domains": ("str", lambda row: ", ".join(row.domains)),
    "state": ("state", lambda row: row.state.value),
    **_plain(_INSTANT, "next_attempt_at"),
    **_plain("int64", "size"),
    "cause": ("str", lambda row: row.diagnosis.cause),
    "diagnosis": ("str", lambda row: row.diagnosis.words),
    "next_step": ("str", lambda row: row.diagnosis.next_step),
}

_SENT: Mapping[str, Column] = {
    **_plain("int64", "history_id"),
    **_plain("str", "queue_id", "message_id", "sender", "recipient", "subject"),
    **_plain(_INSTANT, "queued_at", "sent_at"),
    **_plain("str", "host", "reply"),
    **_plain("int64", "tries"),
}

_AUDIT: Mapping[str, Column] = {
    **_plain("int64", "record_id"),
    **_plain(_INSTANT, "at"),
    **_plain("str", "operation", "username", "client_address", "subject"),
    **_plain("object", "before", "after"),
}
