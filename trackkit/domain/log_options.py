"""The options of the server log: the level of each sink, who gets the mails, how long entries are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.addresses import address_problem, mapi_address_problem
from trackkit.domain.declared import Group, declare

LogLevel = Literal["off", "severe_error", "error", "warning", "unusual_activity", "information"]


class LogOptions(Group):
    """What the server writes down, and who is told."""

    database_level: LogLevel = declare(
        "information",
        title="Level of the server log",
        help="This level and all more severe ones are kept in the server log.",
    )
    event_log_level: LogLevel = declare(
        "off",
        title="Level of the system's event log",
        help="This level and all more severe ones also go to the operating system's event log: journald or syslog, "
        "on Windows the NT event log.",
    )
    email_level: LogLevel = declare(
        "off",
        title="Level that is e-mailed",
        help="This level and all more severe ones are e-mailed, many of them in one mail. Trouble with these mails is "
        "only in the server log.",
    )
    email_to: str | None = declare(
        None,
        title="E-mail goes to",
        max_length=254,
        help="The address that gets the mails about log entries.",
    )
    email_address_type: Literal["internet", "mapi"] = declare(
        "internet",
        title="Address type",
        help="An address of the Internet, or one that MAPI knows ('sending.mapi.enabled'). Entries for addresses of a "
        "type that cannot be reached are not e-mailed; the server log says so, with the reason.",
    )
    email_return_address: str | None = declare(
        None,
        title="Return address",
        max_length=254,
        help="Where mail hosts report trouble with these mails. Empty: nowhere (the null sender); some hosts like an "
        "address better.",
    )
    email_window_seconds: int = declare(
        600,
        title="One e-mail at most every",
        unit="seconds",
        ge=1,
        le=86400,
        help="The first entry opens a window of this length. At its end one mail tells of all entries, grouped by "
        "message, with exact numbers. While an earlier one waits in the queue no further one is made.",
    )
    startup_log: bool = declare(
        False,
        title="Write everything to startup.log",
        help="Every entry also goes to startup.log in the data folder, whatever the level. Start-up errors always do.",
    )
    warn_not_a_service: bool = declare(
        False,
        title="Warn when not a service",
        help="Each start logs a Warning when the server was not started by the system's service manager.",
    )
    retention_days: int | None = declare(
        None,
        title="Keep entries for",
        unit="days",
        ge=1,
        le=36500,
        help="Entries of days further back than this (in the server's time zone) are deleted by themselves, which "
        "cannot be undone. Empty: entries are kept however old they are.",
    )
    retention_entries: int | None = declare(
        None,
        title="Keep at most",
        unit="entries",
        ge=1,
        le=1_000_000_000,
        help="The oldest entries beyond this number are deleted by themselves, which cannot be undone. Empty: all are "
        "kept.",
    )

    @field_validator("email_to", "email_return_address", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("email_return_address")
    @classmethod
    def _return_address_is_one(cls, value: str | None) -> str | None:
        if value is not None and (reason := address_problem(value)):
            raise PydanticCustomError("address", "{reason}", {"reason": reason})
        return value

    @model_validator(mode="after")
    def _address_fits(self) -> Self:
        if self.email_to is None:
            if self.email_level != "off":
                raise PydanticCustomError("at:email_to", "is needed where entries are e-mailed")
        elif self.email_address_type == "internet":
            if reason := address_problem(self.email_to):
                raise PydanticCustomError("at:email_to", "{reason}", {"reason": reason})
        elif reason := mapi_address_problem(self.email_to):
            raise PydanticCustomError("at:email_to", "{reason}", {"reason": reason})
        return self


def retention_warnings(log: LogOptions) -> Iterator[str]:
    """What retention will do, for whoever is about to switch it on."""
    if log.retention_days is not None:
        yield (
            f"Log entries of days more than {log.retention_days} days back are deleted by themselves. That cannot be "
            "undone."
        )
    if log.retention_entries is not None:
        yield f"Of the log only the newest {log.retention_entries:,} entries are kept; that cannot be undone."
