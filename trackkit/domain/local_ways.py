"""The options of the ways that end on the server machine itself: the pickup folder, and the mail program by MAPI.

What only the machine can know (whether a folder is there and may be written to, whether there is MAPI) is not asked
here. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from pydantic import SecretStr, field_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import Group, declare
from trackkit.domain.smtp_options import AccountOptions

_ENABLED: Final = {"sending.mapi.enabled": (True,)}


class PickupOptions(Group):
    """Mail as files in a folder, from which another mail server takes it."""

    folder: str | None = declare(
        None,
        title="Pickup folder",
        max_length=1000,
        help="The full path of a folder that is there, also \\\\server\\share\\folder on Windows. Each mail becomes a "
        "file in it, whole or not at all. It has to lie in a folder that the server machine allows (`trackkit server "
        "set pickup-roots`).",
        needs={"sending.method": ("pickup",)},
    )

    @field_validator("folder", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("folder")
    @classmethod
    def _folder_is_a_full_path(cls, value: str | None) -> str | None:
        if value is not None and (reason := path_problem(value)):
            raise PydanticCustomError("folder", "{reason}", {"reason": reason})
        return value


class MapiOptions(AccountOptions):
    """Mail through the mail program of the server machine."""

    enabled: bool = declare(
        False,
        title="Mail by MAPI",
        help="For recipients with MAPI addresses, and for all mail with the method 'mapi'. Needs Windows. The mail "
        "program's prompts hinder automation: SMTP is recommended.",
    )
    paused: bool = declare(
        False,
        title="Mail by MAPI is paused",
        help="Mail that goes by MAPI piles up in the queue. Meant for troubleshooting.",
        needs=_ENABLED,
    )
    profile: str | None = declare(
        None,
        title="MAPI profile",
        max_length=256,
        help="The profile of the mail program to log in with; the form names those of the server's account. Empty: the "
        "standard one.",
        needs=_ENABLED,
    )
    password: SecretStr | None = declare(
        None,
        title="MAPI password",
        help="Of the profile, where it has one. Stored encrypted; it can be replaced but never read back.",
        needs=_ENABLED,
    )
    show_window: bool = declare(
        False,
        title="Show the mail program's window before sending",
        help="Somebody at the server machine has to send each mail there. Automatic mail is never shown.",
        needs=_ENABLED,
    )

    @classmethod
    def longest_secret(cls) -> int:
        """Characters."""
        return 256


def path_problem(path: str) -> str:
    """Why this is no full path of a folder, on any system; ``""`` when it is one."""
    posix, windows = PurePosixPath(path), PureWindowsPath(path)
    if not path.isprintable():
        return "holds control characters"
    if not posix.is_absolute() and not windows.is_absolute():
        return "is no full path; write /var/spool/pickup, C:\\pickup or \\\\server\\share\\pickup"
    if ".." in (*posix.parts, *windows.parts):
        return "holds '..'; write the path without it"
    return ""


def mapi_warnings(mapi: MapiOptions) -> Iterator[str]:
    """What a person should know before mail goes by MAPI."""
    if mapi.enabled:
        yield (
            "Mail by MAPI depends on a mail program that somebody is logged in to: its windows and prompts hold mail "
            "up and hinder automation. SMTP is recommended."
        )


def mapi_troubles(mapi: MapiOptions) -> Iterator[str]:
    """What goes on needing attention while the options are so."""
    if mapi.enabled and mapi.paused:
        yield "Mail by MAPI is paused: it piles up in the queue until it is switched on again."
