"""The conditions of the log as options of a command, declared once for every command that takes them."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any

import typer

from trackkit.cli.times import instant
from trackkit.domain.log import SEVERITY_NAMES, Match

Level = StrEnum("Level", {name: name for name in SEVERITY_NAMES})  # type: ignore[misc]

TIMES = ("since", "until")

_OPTIONS: dict[str, tuple[Any, Any]] = {
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
"""By the name the condition has in Python: how it is written, and its default."""


def takes_conditions(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command whose second parameter is a dict of the conditions that were given, from options of their own.

    Parameters
    ----------
    without: names of conditions that make no sense for this command.
    """
    options = {name: option for name, option in _OPTIONS.items() if name not in without}

    def make(command: Callable[..., None]) -> Callable[..., None]:
        first, _, *own = inspect.signature(command).parameters.values()
        more = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]

        @wraps(command)
        def run(server: Any, **given: Any) -> None:
            command(server, _wanted({name: given.pop(name) for name in options}), **given)

        kept = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        run.__signature__ = inspect.Signature([first, *more, *kept])  # type: ignore[attr-defined]
        return run

    return make


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    if given["level"] is None:
        del given["match"]  # it says how a level is meant
    read = {name: instant(name, value) if name in TIMES else value for name, value in given.items()}
    return {name: value for name, value in read.items() if value is not None}
