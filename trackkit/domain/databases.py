"""Project databases: where they may lie, what they may be called, and their settings.

Pure rules (SPEC §2); looking at disks and hosts is elsewhere. Every refusal is `InvalidInput` and names the character
or the rule.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

from trackkit.domain.declared import Group, declare
from trackkit.domain.errors import InvalidInput
from trackkit.domain.text import breaks_a_line

FORBIDDEN_IN_NAME: Final = '*|\\:/><.?"'
FORBIDDEN_IN_PATH: Final = '*|><?"'
MAXIMUM_NAME: Final = 100
MAXIMUM_LOCATION: Final = 1000
MAXIMUM_DESCRIPTION: Final = 500

RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in "123456789¹²³")}
)
"""Windows takes these for devices (Microsoft, "Naming Files, Paths, and Namespaces"); a database has to be copyable."""

BACKUP_WANTED_AFTER: Final = timedelta(days=7)
"""Health warns about a database that was not backed up for so long."""

FULL_PATH_WARNING: Final = (
    "A database on a full path is slower, is more easily damaged on a network drive, cannot be used while the drive or "
    "host is off, and is one more place to back up."
)
EVERY_START_WARNING: Final = "Compacting at every server start makes each start take longer."


class Place(StrEnum):
    """What kind of location a database has."""

    relative = "relative"
    """A folder below ``DATA/databases``."""
    path = "path"
    """A folder anywhere, by its full path."""
    postgresql = "postgresql"
    """A PostgreSQL database, by URL."""


class DatabaseSettings(Group):
    """What an administrator decides about a database; everything can be changed later, unlike its location."""

    description: str = declare(
        "", title="Description", max_length=MAXIMUM_DESCRIPTION, help="Shown in lists of databases."
    )
    active: bool = declare(
        True, title="Active", help="Nobody can log in to the projects of an inactive database; sessions there end."
    )
    in_web_list: bool = declare(
        True, title="In the web log-in list", help="The web log-in page offers it. Off: its name has to be typed."
    )
    in_other_list: bool = declare(
        True,
        title="In the non-web log-in list",
        help="Native and API clients are offered it. Off: its name has to be given.",
    )
    compact_every_start: bool = declare(False, title="Compact at every server start", help=EVERY_START_WARNING)
    compact_next_start: bool = declare(
        False, title="Compact at the next server start", help="Once; it switches itself off afterwards."
    )
    sending: bool = declare(
        True,
        title="Mail may be sent",
        help="Off: nothing this project sends leaves the server. A restored database starts with it off.",
    )
    solosubmit: bool = declare(
        False,
        title="Defects without an account",
        help="People without an account may submit a defect, and nothing else, on the page /submit of the server; it "
        "needs a solosubmit license.",
    )


def warnings(settings: DatabaseSettings, place: Place) -> list[str]:
    """What a person should know before a database gets these settings; forms and the command line ask about each."""
    found = []
    if place is not Place.relative:
        found.append(FULL_PATH_WARNING)
    if settings.compact_every_start:
        found.append(EVERY_START_WARNING)
    return found


def place_of(location: str) -> Place:
    """Which kind of location a text means: a URL, a full path, else a relative name."""
    if "://" in location:
        return Place.postgresql
    if location.startswith(("/", "\\\\")) or (location[1:3] in (":\\", ":/") and location[:1].isalpha()):
        return Place.path
    return Place.relative


def called(name: str) -> str:
    """What mail says a database is called: of a path or a URL the end, since the rest is about this machine."""
    if place_of(name) is Place.relative:
        return name
    return re.split(r"[/\\\\]", name.partition("?")[0].rstrip("/\\"))[-1]


def name_key(name: str) -> str:
    """The form in which names are compared: names that differ only in case are the same (SPEC §2)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def checked_name(name: str) -> str:
    """A relative name as it is stored and as its folder is called, or `InvalidInput`."""
    name = unicodedata.normalize("NFC", name)
    if not name.strip():
        raise _refused("is empty")
    for character in name:
        if character in FORBIDDEN_IN_NAME:
            raise _refused(f"holds {character!r}; none of {' '.join(FORBIDDEN_IN_NAME)} is possible in a name")
    _refuse_controls(name)
    if name != name.strip():
        raise _refused("begins or ends with a blank")
    if len(name) > MAXIMUM_NAME:
        raise _refused(f"has {len(name)} characters; at most {MAXIMUM_NAME} are possible")
    if len(name.encode()) > 200:
        raise _refused("is too long for a folder's name")
    if name.casefold() in RESERVED:
        raise _refused("is reserved: Windows takes it for a device")
    return name


def checked_path(path: str) -> str:
    """A full path as text, or `InvalidInput`; whether it lies in an allowed root is decided where disks are seen."""
    for character in path:
        if character in FORBIDDEN_IN_PATH:
            raise _refused(f"holds {character!r}; none of {' '.join(FORBIDDEN_IN_PATH)} is possible in a path")
    _refuse_controls(path)
    if len(path) > MAXIMUM_LOCATION:
        raise _refused(f"has {len(path)} characters; at most {MAXIMUM_LOCATION} are possible")
    return path


def _refuse_controls(text: str) -> None:
    for character in text:
        if breaks_a_line(character):
            raise _refused(f"holds the control character U+{ord(character):04X}")


def _refused(reason: str) -> InvalidInput:
    return InvalidInput.of("name", reason)


@dataclass(frozen=True, slots=True)
class PostgresqlPlace:
    """Where a PostgreSQL database is; never its password."""

    host: str
    port: int
    database: str
    username: str = ""

    @property
    def url(self) -> str:
        """The URL as it is shown, listed and compared: without a password."""
        user = f"{self.username}@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}{host}:{self.port}/{self.database}"


def checked_url(url: str) -> PostgresqlPlace:
    """The place a URL means, or `InvalidInput`. A password in it is refused: it travels apart, as a secret."""
    _refuse_controls(url)
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise _refused("is no URL; write postgresql://user@host:port/database") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise _refused(f"begins with {parts.scheme}://; only postgresql:// is possible")
    if parts.password is not None:
        raise InvalidInput.of("name", "holds a password", "Give the password apart from the URL; it is kept sealed.")
    if parts.query or parts.fragment:
        raise _refused("holds parameters after the database's name; only host, port, user and name are possible")
    database = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not database or "/" in database:
        raise _refused("names no host or no database; write postgresql://user@host:port/database")
    return PostgresqlPlace(parts.hostname, port, database, unquote(parts.username or ""))


def url_allowed(place: PostgresqlPlace, roots: Iterable[str]) -> bool:
    """Whether one of the roots named on the server machine (``postgresql://host:port``) covers that place."""
    for root in roots:
        if place_of(root) is Place.postgresql:
            allowed = urlsplit(root)
            named = allowed.path.strip("/")
            same_host = (allowed.hostname, allowed.port or 5432) == (place.host, place.port)
            if same_host and named in ("", place.database):
                return True
    return False
