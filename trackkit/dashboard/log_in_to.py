"""*Log in to*, the first field of the log-in page: the server itself, or one of the projects.

Those of the web log-in list are offered; any other is named by its name. What was chosen stays chosen on a page that
refuses a log-in, also when the list could not be fetched: then as the name of a project that is not offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from trackkit.contract.project import Offered
from trackkit.domain.databases import MAXIMUM_LOCATION
from trackkit.domain.errors import InvalidInput

SERVER, OTHER = "server", "other"
_PROJECT = "project:"
_LONGEST_WORDS = 80


@dataclass(frozen=True, slots=True)
class LogInTo:
    """What is chosen.

    Parameters
    ----------
    value: of the list: `SERVER`, `OTHER`, or ``project:`` and a name.
    other: the name of a project, as typed beside it; counts for `OTHER` only.
    """

    value: str = SERVER
    other: str = ""

    @classmethod
    def project(cls, name: str) -> LogInTo:
        """A project by its name; without one, one that is still to be named."""
        return cls(_PROJECT + name) if name else cls(OTHER)

    @property
    def database(self) -> str:
        """The project's name, as far as one was given; empty for the server."""
        if self.value == OTHER:
            return self.other.strip()
        return self.value.removeprefix(_PROJECT) if self.value.startswith(_PROJECT) else ""

    def checked(self) -> LogInTo:
        """Itself; `InvalidInput` when it says neither the server nor which project."""
        if self.value != SERVER and not self.database:
            raise InvalidInput("Enter the name of the project.", "Or choose what to log in to from the list.")
        return self

    def among(self, offered: Sequence[Offered]) -> LogInTo:
        """The same choice as the page can show it: a project that is not in the list stands in the field beside it."""
        names = {one.name.casefold(): one.name for one in offered}
        if self.value == SERVER:
            return self
        listed = names.get(self.database.casefold())
        return LogInTo.project(listed) if listed else LogInTo(OTHER, self.database[:MAXIMUM_LOCATION])


def choices(offered: Sequence[Offered]) -> list[tuple[str, str]]:
    """The list as (value, words), in the order it is shown in."""
    return [
        (SERVER, "This server (administration)"),
        *((_PROJECT + one.name, _words(one)) for one in offered),
        (OTHER, "A project that is not in this list"),
    ]


def _words(one: Offered) -> str:
    return shorten(f"{one.name} – {one.description}" if one.description else one.name, _LONGEST_WORDS, placeholder=" …")
