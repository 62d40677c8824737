"""The options of the mailbox that tracked e-mail comes back to, and what of them a project may set otherwise. Pure.

Each field is declared once, below; a project's own mailbox has the same fields without defaults, and what it leaves
empty is inherited (`mailbox_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.addresses import wire_address
from trackkit.domain.declared import Group, declare
from trackkit.domain.hosts import host_and_port
from trackkit.domain.project.texts import MAXIMUM_ADDRESS, checked_address
from trackkit.domain.smtp_options import (
    CONNECT_TIMEOUT,
    CONVERSATION_TIMEOUT,
    AccountOptions,
    Encryption,
    pop_fields,
)

_ON: Final = {"tracking.enabled": (True,)}

_Words = dict[str, Any]

_POP3: Final = pop_fields("POP3")
_HOST: _Words = {**_POP3["host"], "help": "Name or IP address of the host with the mailbox."}
_ADDRESS: _Words = {
    "title": "Tracking address",
    "max_length": MAXIMUM_ADDRESS,
    "help": "Mail to this address arrives in the mailbox. Replies and bounces of tracked mail go to it, so it may be "
    "nobody's own address.",
}
_SUBADDRESSING: _Words = {
    "title": "Subaddressing",
    "help": "The account also gets what is sent to name+anything@domain: then replies are found even if mail programs "
    "drop everything else.",
}
_REMOVE: _Words = {
    "title": "Remove untracked mail from the account",
    "help": "Meant against spam. Off: what belongs to no record stays in the mailbox.",
}


class _Account(AccountOptions):
    @field_validator("address", check_fields=False)
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return checked_address(value) or None if value is not None else None


class TrackingOptions(_Account):
    """The mailbox of the server; projects inherit it."""

    enabled: bool = declare(
        False,
        title="E-mail tracking",
        help="Replies to tracked e-mails are fetched from a mailbox and filed with their records.",
    )
    host: str | None = declare(None, needs=_ON, **_HOST)
    port: int = declare(110, needs=_ON, **_POP3["port"])
    encryption: Encryption = declare("starttls-if-offered", needs=_ON, **_POP3["encryption"])
    username: str | None = declare(None, needs=_ON, **_POP3["username"])
    password: SecretStr | None = declare(None, needs=_ON, **_POP3["password"])
    poll_interval: int = declare(
        60, title="Fetch mail every", unit="seconds", ge=1, le=86_400, help="Of every mailbox.", needs=_ON
    )
    connect_timeout: int = declare(30, needs=_ON, **CONNECT_TIMEOUT)
    conversation_timeout: int = declare(60, needs=_ON, **CONVERSATION_TIMEOUT)
    address: str | None = declare(None, needs=_ON, **_ADDRESS)
    subaddressing: bool = declare(False, needs=_ON, **_SUBADDRESSING)
    remove_untracked: bool = declare(False, needs=_ON, **_REMOVE)
    round_trip_hours: int | None = declare(
        None,
        title="Test the way there and back every",
        unit="hours",
        ge=1,
        le=720,
        help="A probe mail goes out by the usual way to the tracking address; if it does not come back within two "
        "hours, the log tells. Empty: never.",
        needs=_ON,
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name in ("host", "username", "password", "address"):
            if self.enabled and getattr(self, name) is None:
                raise PydanticCustomError(f"at:{name}", "is needed for e-mail tracking")
        return self


class MailboxSettings(_Account):
    """A project's own mailbox; what is empty is inherited from the server's options."""

    host: str | None = declare(None, **_HOST)
    port: int | None = declare(None, **_POP3["port"])
    encryption: Encryption | None = declare(None, **_POP3["encryption"])
    username: str | None = declare(None, **_POP3["username"])
    password: SecretStr | None = declare(None, **_POP3["password"])
    address: str | None = declare(None, **_ADDRESS)
    subaddressing: bool | None = declare(None, **_SUBADDRESSING)
    remove_untracked: bool | None = declare(None, **_REMOVE)

    @model_validator(mode="after")
    def _password_is_its_own(self) -> Self:
        if self.password is None and (self.host is not None or self.username is not None):
            raise PydanticCustomError(
                "at:password", "is needed for a mailbox of its own: the server's password is for the server's account"
            )
        return self


class MailSettings(Group):
    """What an administrator decides about the e-mail of a project, besides whether it may send at all
    (`DatabaseSettings.sending`)."""

    tracking: bool = declare(False, title="E-mail tracking", help="Users may send tracked e-mail; replies are filed.")
    notification_name: str = declare(
        "", title="Name of the notification account", max_length=100, help="Shown beside its address."
    )
    notification_address: str = declare(
        "",
        title="Address of the notification account",
        max_length=MAXIMUM_ADDRESS,
        help="Notifications come from it, and replies to them are forwarded to it. It may not be the tracking address.",
    )
    letter: bool = declare(
        False,
        title="Automatic letter",
        help="Whoever's mail arrived, or who submitted a defect with an address, gets an acknowledgement; nobody more "
        "than one within the time below, and no program ever.",
    )
    letter_template: str | None = declare(
        None, title="Template of the letter", max_length=100, help="Empty: the standard letter."
    )
    letter_hours: int = declare(
        24, title="One letter a sender within", unit="hours", ge=1, le=8760, help="Of one project."
    )
    mailbox: MailboxSettings = Field(default_factory=MailboxSettings)

    @field_validator("notification_address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return checked_address(value)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An account that mail is fetched from. Time-outs in seconds. Equal ones are fetched from once."""

    host: str
    port: int
    encryption: Encryption
    username: str
    password: SecretStr
    address: str
    subaddressing: bool
    remove_untracked: bool
    connect_timeout: float
    conversation_timeout: float

    @property
    def key(self) -> str:
        """The account, as the inbox and reports name it; two projects with the same account share it."""
        return f"{self.username}@{host_and_port(self.host, self.port)}"

    def is_own(self, address: str) -> bool:
        """Whether mail to an address arrives here: it is the tracking address, or that with a detail (``a+b@c``)."""
        local, _, domain = wire_address(address.strip()).lower().rpartition("@")
        mine, _, my_domain = wire_address(self.address).lower().rpartition("@")
        return domain == my_domain and (local == mine or local.startswith(f"{mine}+"))


def mailbox_of(options: TrackingOptions, own: MailboxSettings | None = None) -> Mailbox | None:
    """The mailbox of the server, or of a project with settings of its own; none while something needed is missing."""
    set_here = own.model_dump(exclude_none=True) if own else {}
    found = {name: set_here.get(name, getattr(options, name)) for name in MailboxSettings.model_fields}
    if any(found[name] is None for name in ("host", "username", "password", "address")):
        return None
    return Mailbox(
        **found,
        connect_timeout=options.connect_timeout,
        conversation_timeout=options.conversation_timeout,
    )


def project_mailbox(options: TrackingOptions, settings: MailSettings) -> Mailbox | None:
    """The account that the mail of a project comes back to; none while tracking is off, for the server or for it."""
    return mailbox_of(options, settings.mailbox) if options.enabled and settings.tracking else None


def tracking_warnings(options: TrackingOptions) -> Iterator[str]:
    """What a person should know before these options are applied."""
    if not options.enabled:
        return
    if options.encryption == "none":
        yield "The tracking account's password goes over the network unencrypted."
    yield (
        "The tracking account must be used for nothing else: mail that was filed is deleted there."
        + (" So is everything that belongs to no record." if options.remove_untracked else "")
    )
