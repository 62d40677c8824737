"""Asks first (SPEC): a question that says what will happen to how many things; No changes nothing.

``--yes`` never prompts. Without a terminal and without ``--yes`` the command is refused with `InvalidInput`.
"""

import sys
from typing import Annotated

import typer

from trackkit.cli.output import note, plain
from trackkit.domain.errors import InvalidInput

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def at_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, yes: bool) -> None:
    """Go on only after a Yes; No ends the command with exit code 1.

    Parameters
    ----------
    question: what will happen, to how many things.
    """
    if yes:
        return
    if not at_terminal():
        raise InvalidInput(
            "This asks first, and there is no terminal to ask at; nothing was changed.\n" + question,
            "Give --yes to do it without being asked.",
        )
    if not typer.confirm(plain(question, keep="\n"), default=False, err=True):
        note("Nothing was changed.")
        raise typer.Exit(1)
