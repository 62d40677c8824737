"""Server options, each declared once.

One field below is the whole declaration of an option: its type, range, default, unit, help, whether it is secret
and whether it needs a restart. The table row, the API, the command line, forms and the docs derive from it; adding
an option is adding a field. Names are dotted paths through the groups: ``sending.smtp.host``.

Bad values raise `InvalidInput` naming each refused option; nothing is changed then.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import Declaration, Group, declare, fields_of, flat_values, nested, problems_of
from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.listener import ListenerOptions, listener_troubles
from trackkit.domain.local_ways import MapiOptions, PickupOptions, mapi_troubles, mapi_warnings
from trackkit.domain.log_options import LogOptions, retention_warnings
from trackkit.domain.message import MailType
from trackkit.domain.sending_times import NoSchedule, schedule_of
from trackkit.domain.server_options import ServerOptions
from trackkit.domain.smtp_options import (
    OAuth2Options,
    PopBeforeSmtpOptions,
    SmtpOptions,
    login_troubles,
    missing_for_tokens,
)
from trackkit.domain.tracking_options import TrackingOptions, tracking_warnings

SendingMethod = Literal["smtp", "direct", "direct-then-smtp", "pickup", "mapi"]


class TimingOptions(Group):
    """How fast, how long and how much."""

    connections: int = declare(
        4,
        title="Simultaneous connections",
        ge=1,
        le=100,
        help="At most this many connections to mail hosts at a time, those of all mail workers together. With direct "
        "delivery a single domain gets half of them at most. From 8 on a server on SQLite sends from two processes.",
    )
    messages_per_minute: int | None = declare(
        None,
        title="Messages a minute at most",
        unit="messages",
        ge=1,
        le=1_000_000,
        help="For the whole server; what is over the limit waits. Empty: no limit.",
    )
    schedule: str = declare(
        "",
        title="Sending schedule",
        max_length=500,
        help="Days and hours in which mail leaves: 'Mon-Fri 08:00-18:00, Sat 09:00-12:00 in Europe/Berlin'. Without a "
        "time zone the server's. Empty: always.",
    )
    days: int = declare(
        5,
        title="Days to keep trying",
        unit="days",
        ge=1,
        le=60,
        help="A recipient that could not be reached for so long has failed; the sender is told.",
    )
    delay_warning_hours: int | None = declare(
        None,
        title="Tell the sender of a delay after",
        unit="hours",
        ge=1,
        le=1440,
        help="Once a message: that it has not been delivered yet and is still tried. Empty: never. Automatic messages "
        "and the null sender are never answered.",
    )
    maximum_message_mb: int = declare(
        35,
        title="Maximum message size",
        unit="MB",
        ge=1,
        le=200,
        help="Larger messages are refused before they are stored (1 MB = 1,048,576 bytes).",
    )

    @property
    def largest_message(self) -> int:
        """Octets that a message may have."""
        return self.maximum_message_mb * 1024 * 1024

    @field_validator("schedule")
    @classmethod
    def _schedule_can_be_read(cls, value: str) -> str:
        try:
            schedule_of(value)
        except NoSchedule as error:
            raise PydanticCustomError("schedule", "{reason}", {"reason": str(error)}) from None
        return value.strip()


class SendingOptions(Group):
    """How Internet mail leaves."""

    method: SendingMethod = declare(
        "smtp",
        title="Method",
        help="'smtp' hands all mail to the SMTP host. 'direct' hands it to the mail hosts of the recipients' domains: "
        "that needs port 25 open towards the Internet, and an address that others take mail from. 'direct-then-smtp' "
        "tries that first and leaves to the SMTP host what cannot be delivered for now; what is refused for good has "
        "failed. 'pickup' puts each mail into a folder as a file. 'mapi' hands all mail to the mail program on the "
        "server machine, which needs Windows.",
    )
    paused: bool = declare(
        False,
        title="Sending is paused",
        help="Mail piles up in the queue while sending is paused. Meant for troubleshooting. Holds for Internet mail "
        "by every method; mail to MAPI addresses has a pause of its own.",
    )
    history_days: int | None = declare(
        90,
        title="Days to keep the history of mail",
        unit="days",
        ge=1,
        le=3650,
        help="What was sent longer ago leaves the history. Empty: everything is kept. Unsent mail is never touched.",
    )
    smtp: SmtpOptions = Field(default_factory=SmtpOptions)
    oauth2: OAuth2Options = Field(default_factory=OAuth2Options)
    pop_before_smtp: PopBeforeSmtpOptions = Field(default_factory=PopBeforeSmtpOptions)
    timing: TimingOptions = Field(default_factory=TimingOptions)
    listener: ListenerOptions = Field(default_factory=ListenerOptions)
    pickup: PickupOptions = Field(default_factory=PickupOptions)
    mapi: MapiOptions = Field(default_factory=MapiOptions)

    @property
    def is_set_up(self) -> bool:
        """Whether there is a way for Internet mail to leave."""
        return self.method not in ("smtp", "direct-then-smtp") or self.smtp.host is not None

    @property
    def open_types(self) -> frozenset[MailType]:
        """The types of recipients that mail may leave to as far as the options go: not paused, and with a way."""
        found: set[MailType] = set()
        if self.mapi.enabled and not self.mapi.paused:
            found.add(MailType.mapi)
        if self.is_set_up and not self.paused and (self.method != "mapi" or found):
            found.add(MailType.internet)
        return frozenset(found)

    @model_validator(mode="after")
    def _what_the_method_needs_is_there(self) -> Self:
        if self.method == "direct-then-smtp" and self.smtp.host is None:
            raise PydanticCustomError("at:smtp.host", "is needed for the method 'direct-then-smtp'")
        if self.method == "pickup" and self.pickup.folder is None:
            raise PydanticCustomError("at:pickup.folder", "is needed for the method 'pickup'")
        if self.method == "mapi" and not self.mapi.enabled:
            raise PydanticCustomError("at:mapi.enabled", "is needed for the method 'mapi'")
        return self

    @model_validator(mode="after")
    def _tokens_can_be_had(self) -> Self:
        if missing := missing_for_tokens(self.smtp, self.oauth2):
            raise PydanticCustomError(f"at:oauth2.{missing[0]}", "{reason}", {"reason": missing[1]})
        return self


class Options(Group):
    """All options of a server."""

    log: LogOptions = Field(default_factory=LogOptions)
    sending: SendingOptions = Field(default_factory=SendingOptions)
    server: ServerOptions = Field(default_factory=ServerOptions)
    tracking: TrackingOptions = Field(default_factory=TrackingOptions)

    @model_validator(mode="after")
    def _mapi_tracks_nothing(self) -> Self:
        if self.tracking.enabled and self.sending.mapi.enabled:
            raise PydanticCustomError(
                "at:tracking.enabled",
                "is not possible together with MAPI (sending.mapi.enabled), which changes what a mail carries",
            )
        return self


def catalogue() -> Mapping[str, Declaration]:
    """Every option by name, in the order of declaration."""
    return fields_of(Options)


def near_names(name: str) -> str:
    """``Did you mean …?`` with the options whose names come near; ``""`` when none does."""
    near = difflib.get_close_matches(name, catalogue(), n=3)
    return f"Did you mean {', '.join(near)}?" if near else ""


def checked_name(name: str) -> Declaration:
    """The option of that name; `InvalidInput` with the nearest names when there is none."""
    known = catalogue()
    if name not in known:
        raise InvalidInput.of(name, "is not the name of an option", near_names(name))
    return known[name]


def flat(options: Options) -> dict[str, Any]:
    """Every option's value by name; secrets stay `SecretStr`."""
    return flat_values(options)


def secrets(options: Options) -> tuple[str, ...]:
    """The secret values that are set, in the clear: for taking them out of texts."""
    return tuple(value.get_secret_value() for value in flat(options).values() if isinstance(value, SecretStr))


def from_flat(values: Mapping[str, Any]) -> Options:
    """Options from values by name, defaults for the rest; `InvalidInput` names each refused one."""
    problems = [Problem(name, "is not the name of an option") for name in values if name not in catalogue()]
    if problems:
        raise InvalidInput("Options were refused; nothing was changed.", problems=problems)
    try:
        return Options.model_validate(nested(values))
    except ValidationError as error:
        problems = problems_of(error, catalogue())
        raise InvalidInput("Options were refused; nothing was changed.", problems=problems) from None


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """The options with `changes` (values by name) applied, all or none."""
    for name in changes:
        checked_name(name)
    return from_flat({**flat(options), **changes})


def warnings(options: Options) -> list[str]:
    """What a person should know before these options are applied; forms and the command line ask about each."""
    return [
        *troubles(options),
        *mapi_warnings(options.sending.mapi),
        *retention_warnings(options.log),
        *tracking_warnings(options.tracking),
    ]


def troubles(options: Options) -> list[str]:
    """Those of the warnings that go on needing attention while the options are so."""
    found = []
    if options.sending.paused:
        found.append("Sending is paused: mail piles up in the queue until it is switched on again.")
    found += login_troubles(options.sending.smtp, options.sending.pop_before_smtp)
    if reason := not_mailed(options):
        found.append(f"Log entries are not e-mailed: {reason}")
    return [*found, *mapi_troubles(options.sending.mapi), *listener_troubles(options.sending.listener)]


def not_mailed(options: Options) -> str:
    """Why log entries cannot be e-mailed although it is wanted; ``""`` where nothing is in the way."""
    log = options.log
    if log.email_level == "off" or log.email_address_type != "mapi" or options.sending.mapi.enabled:
        return ""
    return "mail to MAPI addresses needs MAPI (sending.mapi.enabled), and that needs Windows."
