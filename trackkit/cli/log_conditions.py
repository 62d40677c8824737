"""The conditions of the log as options of a command."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from trackkit.cli.conditions import Options, takes
from trackkit.cli.times import instant
from trackkit.domain.log import SEVERITY_NAMES, Match

Level = StrEnum("Level", {name: name for name in SEVERITY_NAMES})  # type: ignore[misc]

TIMES = ("since", "until")

_OPTIONS: Options = {
    "level": (Annotated[Level | None, typer.Option("--level", help="Which level.")], None),
    "match": (
        Annotated[
            Match, typer.Option("--match", help="Only that level, it and all more severe, it and all less severe.")
        ],
        Match.more,
    ),
    "since": (
        Annotated[str | None, typer.Option("--since", help="From this time on: 2026-01-31 or 2026-01-31T14:00.")],
        None,
    ),
    "until": (Annotated[str | None, typer.Option("--until", help="Before this time.")], None),
    "text": (Annotated[str | None, typer.Option("--text", help="Found in the message or the details.")], None),
    "source": (Annotated[str | None, typer.Option("--source", help="Only from this source.")], None),
    "database": (Annotated[str | None, typer.Option("--database", help="Only of this project database.")], None),
    "username": (Annotated[str | None, typer.Option("--user", help="Only of this user.")], None),
    "client_address": (Annotated[str | None, typer.Option("--address", help="Only from this client address.")], None),
}


def takes_conditions(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command whose second parameter is a dict of the conditions that were given, from options of their own.

    Parameters
    ----------
    without: names of conditions that make no sense for this command.
    """
    return takes({name: option for name, option in _OPTIONS.items() if name not in without}, _wanted)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    if given["level"] is None:
        del given["match"]  # it says how a level is meant
    read = {name: instant(name, value) if name in TIMES else value for name, value in given.items()}
    return {name: value for name, value in read.items() if value is not None}
