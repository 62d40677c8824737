"""Server options, each declared once.

One field below is the whole declaration of an option: its type, range, default, unit, help, whether it is secret
and whether it needs a restart. The table row, the API, the command line, forms and the docs derive from it; adding
an option is adding a field. Names are dotted paths through the groups: ``sending.smtp.host``.

Bad values raise `InvalidInput` naming each refused option; nothing is changed then.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from trackkit.domain.errors import InvalidInput, Problem

LogLevel = Literal["off", "severe_error", "error", "warning", "unusual_activity", "information"]
Encryption = Literal["none", "starttls", "starttls-if-offered", "tls"]
Authentication = Literal["anonymous", "basic"]


def option(default: Any, *, title: str, help: str, unit: str = "", restart: bool = False, **bounds: Any) -> Any:
    """Declare an option; `bounds` are pydantic's (``ge``, ``le``, ``max_length`` …)."""
    return Field(default, title=title, description=help, json_schema_extra={"unit": unit, "restart": restart}, **bounds)


class Group(BaseModel):
    """A group of options; frozen, and strict about names and types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SmtpOptions(Group):
    """The relay."""

    host: str | None = option(
        None,
        title="SMTP host",
        max_length=253,
        help="Name or IP address of the mail host that takes the server's mail. Empty: no mail can leave.",
    )
    port: int = option(
        25,
        title="SMTP port",
        ge=1,
        le=65535,
        help="25 for a relay in the same network, 587 for submission with STARTTLS, 465 for TLS from the start.",
    )
    encryption: Encryption = option(
        "starttls-if-offered",
        title="Encryption",
        help="The host's certificate is verified whenever encryption is used. 'starttls' refuses to send without it; "
        "'starttls-if-offered' sends openly when the host offers none; 'tls' encrypts from the start (SMTPS).",
    )
    authentication: Authentication = option(
        "anonymous",
        title="Authentication",
        help="'basic' logs in with the mail account's name and password (PLAIN, LOGIN or CRAM-MD5).",
    )
    username: str | None = option(
        None,
        title="Mail account name",
        max_length=256,
        help="The account at the mail host, its case kept. Not a trackkit log-in.",
    )
    password: SecretStr | None = option(
        None,
        title="Mail account password",
        help="Stored encrypted; it can be replaced but never read back.",
    )
    one_message_per_connection: bool = option(
        False,
        title="Only one message per connection",
        help="For hosts that refuse a second message in one connection. Sending gets slower.",
    )
    connect_timeout: int = option(
        30,
        title="Connection time-out",
        unit="seconds",
        ge=1,
        le=600,
        help="How long to wait until the host has greeted.",
    )
    conversation_timeout: int = option(
        60,
        title="Conversation time-out",
        unit="seconds",
        ge=1,
        le=3600,
        help="How long the host may be silent inside a conversation.",
    )

    @field_validator("host", "username", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("host")
    @classmethod
    def _host_is_plausible(cls, value: str | None) -> str | None:
        if value is not None and (not value.isprintable() or set(value) & set(" /@\\?#[]")):
            raise PydanticCustomError("host", "is no host name and no IP address")
        return value

    @field_validator("username")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise PydanticCustomError("username", "holds control characters")
        return value

    @field_validator("password")
    @classmethod
    def _password_fits(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if len(value) > 1024 or not value.get_secret_value().isprintable():
            raise PydanticCustomError("password", "is longer than 1024 characters or holds control characters")
        return value

    @model_validator(mode="after")
    def _login_is_complete(self) -> Self:
        if self.authentication == "basic" and not self.username:
            raise PydanticCustomError("at:username", "is needed for authentication 'basic'")
        if self.authentication == "basic" and self.password is None:
            raise PydanticCustomError("at:password", "is needed for authentication 'basic'")
        return self


class TimingOptions(Group):
    """How fast, how long and how much."""

    connections: int = option(
        4,
        title="Simultaneous connections",
        ge=1,
        le=100,
        help="At most this many connections to the mail host at a time.",
    )
    days: int = option(
        5,
        title="Days to keep trying",
        unit="days",
        ge=1,
        le=60,
        help="A recipient that could not be reached for so long has failed.",
    )
    maximum_message_mb: int = option(
        35,
        title="Maximum message size",
        unit="MB",
        ge=1,
        le=200,
        help="Larger messages are refused before they are stored (1 MB = 1,048,576 bytes).",
    )


class SendingOptions(Group):
    """How Internet mail leaves."""

    paused: bool = option(
        False,
        title="Sending is paused",
        help="Mail piles up in the queue while sending is paused. Meant for troubleshooting.",
    )
    smtp: SmtpOptions = Field(default_factory=SmtpOptions)
    timing: TimingOptions = Field(default_factory=TimingOptions)


class LogOptions(Group):
    """What the server writes down."""

    database_level: LogLevel = option(
        "information",
        title="Level of the server log",
        help="This level and all more severe ones are kept in the server log.",
    )
    startup_log: bool = option(
        False,
        title="Write everything to startup.log",
        help="Every entry also goes to startup.log in the data folder, whatever the level. Start-up errors always do.",
    )
    warn_not_a_service: bool = option(
        False,
        title="Warn when not a service",
        help="Each start logs a Warning when the server was not started by the system's service manager.",
    )


class ServerOptions(Group):
    """How the server is reached."""

    encrypt: bool = option(
        True,
        title="Encrypt messages between client and server",
        restart=True,
        help="TLS for everything between clients and this server; it costs little time. Some countries restrict the "
        "export of encryption. Off is possible only while the server listens on this machine alone, or where the "
        "server machine itself allows it.",
    )
    port: int = option(
        8470,
        title="Port",
        ge=1,
        le=65535,
        restart=True,
        help="The port clients connect to. `--port` at the start wins over it. Clients' connections must be edited "
        "after a change.",
    )
    admin_idle_minutes: int = option(
        60,
        title="Idle time-out of admin sessions",
        unit="minutes",
        ge=1,
        le=10080,
        help="An admin session that is not used for so long is ended. An automatic refresh is not use.",
    )


class Options(Group):
    """All options of a server."""

    log: LogOptions = Field(default_factory=LogOptions)
    sending: SendingOptions = Field(default_factory=SendingOptions)
    server: ServerOptions = Field(default_factory=ServerOptions)


@dataclass(frozen=True, slots=True)
class OptionInfo:
    """One option as every front shows it."""

    name: str
    title: str
    help: str
    unit: str
    secret: bool
    restart: bool
    default: object
    choices: tuple[str, ...]
    kind: Literal["text", "secret", "number", "yes/no", "choice"]
    minimum: int | None
    maximum: int | None

    @property
    def group(self) -> str:
        """The first part of the name; options of a group are changed and versioned together."""
        return self.name.partition(".")[0]

    def parse(self, text: str) -> object:
        """The value written as text (command line, file); `InvalidInput` when it cannot be read as one."""
        if self.kind == "yes/no":
            if text.lower() not in _YES_NO:
                raise InvalidInput.of(self.name, f"is {text!r}; write yes or no")
            return _YES_NO[text.lower()]
        if self.kind == "number":
            try:
                return int(text)
            except ValueError:
                raise InvalidInput.of(self.name, f"is {text!r}; write a whole number") from None
        return text


_YES_NO = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


@cache
def catalogue() -> Mapping[str, OptionInfo]:
    """Every option by name, in the order of declaration."""
    return {info.name: info for info in _walk(Options, "")}


def _walk(group: type[Group], prefix: str) -> Iterator[OptionInfo]:
    for name, info in group.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, Group):
            yield from _walk(annotation, f"{prefix}{name}.")
        else:
            yield _info(f"{prefix}{name}", info)


def _info(name: str, info: FieldInfo) -> OptionInfo:
    extra = info.json_schema_extra
    declared: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
    inner = next((a for a in get_args(info.annotation) if a is not type(None)), info.annotation)
    plain = info.annotation if get_origin(info.annotation) is Literal else inner
    choices = tuple(get_args(plain)) if get_origin(plain) is Literal else ()
    kind: Literal["text", "secret", "number", "yes/no", "choice"] = "text"
    if choices:
        kind = "choice"
    elif plain in _KINDS:
        kind = _KINDS[plain]
    limits = {type(m).__name__: m for m in info.metadata}
    return OptionInfo(
        name=name,
        title=info.title or name,
        help=info.description or "",
        unit=declared.get("unit", ""),
        secret=plain is SecretStr,
        restart=declared.get("restart", False),
        default=info.default,
        choices=choices,
        kind=kind,
        minimum=getattr(limits.get("Ge"), "ge", None),
        maximum=getattr(limits.get("Le"), "le", None),
    )


_KINDS: Mapping[Any, Literal["text", "secret", "number", "yes/no"]] = {
    bool: "yes/no",
    int: "number",
    str: "text",
    SecretStr: "secret",
}


def checked_name(name: str) -> OptionInfo:
    """The option of that name; `InvalidInput` with the nearest names when there is none."""
    known = catalogue()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise InvalidInput.of(name, "is not the name of an option", f"Did you mean {', '.join(near)}?" if near else "")
    return known[name]


def get(options: Options, name: str) -> Any:
    """The value of one option."""
    value: Any = options
    for part in name.split("."):
        value = getattr(value, part)
    return value


def flat(options: Options) -> dict[str, Any]:
    """Every option's value by name; secrets stay `SecretStr`."""
    return {name: get(options, name) for name in catalogue()}


def from_flat(values: Mapping[str, Any]) -> Options:
    """Options from values by name, defaults for the rest; `InvalidInput` names each refused one."""
    problems = [Problem(name, "is not the name of an option") for name in values if name not in catalogue()]
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = value
    if problems:
        raise InvalidInput("Options were refused; nothing was changed.", problems=problems)
    try:
        return Options.model_validate(tree)
    except ValidationError as error:
        problems = [
            _problem(e["type"], ".".join(str(p) for p in e["loc"]), e["msg"])
            for e in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidInput("Options were refused; nothing was changed.", problems=problems) from None


def _problem(kind: str, where: str, message: str) -> Problem:
    if kind.startswith("at:"):
        return Problem(f"{where}.{kind[3:]}", message)
    if kind in ("greater_than_equal", "less_than_equal"):
        info = catalogue()[where]
        return Problem(where, f"is not between {info.minimum} and {info.maximum}")
    return Problem(where, message[:1].lower() + message[1:])


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """The options with `changes` (values by name) applied, all or none."""
    for name in changes:
        checked_name(name)
    return from_flat({**flat(options), **changes})


def warnings(options: Options) -> list[str]:
    """What a person should know before these options are applied; forms and the command line ask about each."""
    smtp, found = options.sending.smtp, []
    if options.sending.paused:
        found.append("Sending is paused: mail piles up in the queue until it is switched on again.")
    if smtp.authentication == "basic" and smtp.encryption == "none":
        found.append("The mail account's password goes over the network unencrypted.")
    return found
