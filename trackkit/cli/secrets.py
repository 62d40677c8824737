"""Where the command line takes a secret from; never from an argument, which every user of the machine can read.

| written | means |
| --- | --- |
| ``-`` | asked for at the terminal without showing it; without a terminal the first line of standard input |
| ``env:NAME`` | the environment variable NAME |
| ``file:PATH`` | the file's content, without the line end at its end |
| ``keyring:SERVICE/NAME`` | what the operating system's keyring keeps for NAME under SERVICE |

Anything else is `SecretInArguments`, and is not repeated.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from trackkit.domain.errors import InvalidInput, SecretInArguments

if TYPE_CHECKING:
    from pydantic import SecretStr

SOURCES = "- (prompt, or standard input), env:NAME, file:PATH or keyring:SERVICE/NAME"
_REFERENCES = ("env:", "file:", "keyring:")


def resolve(source: str, field: str, *, confirm: bool = False) -> "SecretStr":
    """The secret that `source` stands for.

    Parameters
    ----------
    field: what it is, as the user wrote it (an option's name); for the prompt and for errors.
    confirm: ask twice at the terminal, for a secret that is being chosen.
    """
    from pydantic import SecretStr

    if source == "-":
        return SecretStr(_asked(field, confirm) if sys.stdin.isatty() else _line_of_input(field))
    if source.startswith(_REFERENCES):
        from trackkit.client import references

        return references.resolve(source, field)
    raise _written_out(field)


def refuse_written_out(source: str, field: str) -> None:
    """`SecretInArguments` when `source` is a secret itself; for the moment arguments are read, before anything else."""
    if source != "-" and not source.startswith(_REFERENCES):
        raise _written_out(field)


def option(field: str) -> Callable[[str | None], str | None]:
    """A callback for a command's option that takes the source of a secret."""

    def check(source: str | None) -> str | None:
        if source is not None:
            refuse_written_out(source, field)
        return source

    return check


def argument(field: str) -> Callable[[str | None], None]:
    """A callback for a hidden argument where people write the secret itself; click would repeat what it refuses."""

    def check(value: str | None) -> None:
        if value is not None:
            refuse_written_out(value, field)
            raise InvalidInput.of(field, f"where it comes from is written behind --{field}")

    return check


def _written_out(field: str) -> SecretInArguments:
    return SecretInArguments(
        f"{field} is a secret and was written into the arguments, where every user of this machine can read it; "
        "nothing was changed.",
        f"Give {SOURCES}. Consider the secret known to others now, and choose a new one.",
    )


def _asked(field: str, confirm: bool) -> str:
    answer: str = typer.prompt(
        field, default="", hide_input=True, confirmation_prompt=confirm, show_default=False, err=True
    )
    return answer


def _line_of_input(field: str) -> str:
    line = sys.stdin.readline()
    if not line.strip("\r\n"):
        raise InvalidInput.of(field, "was to come from standard input, which is empty")
    return line.rstrip("\r\n")
