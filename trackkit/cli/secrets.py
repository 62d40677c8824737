"""Where the command line takes a secret from; never from an argument, which every user of the machine can read.

| written | means |
| --- | --- |
| ``-`` | asked for at the terminal without showing it; without a terminal the first line of standard input |
| ``env:NAME`` | the environment variable NAME |
| ``file:PATH`` | the file's content, without the line end at its end |
| ``keyring:SERVICE/USER`` | what the operating system's keyring holds under these two |

Anything else is `SecretInArguments`, and is not repeated.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trackkit.domain.errors import InvalidInput, SecretInArguments

if TYPE_CHECKING:
    from pydantic import SecretStr

SOURCES = "- (prompt, or standard input), env:NAME, file:PATH or keyring:SERVICE/USER"


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
    kind, colon, name = source.partition(":")
    if colon and kind == "env":
        return SecretStr(_variable(name, field))
    if colon and kind == "file":
        return SecretStr(_content(name, field))
    if colon and kind == "keyring":
        return _in_keyring(name, field)
    raise _written_out(field)


def refuse_written_out(source: str, field: str) -> None:
    """`SecretInArguments` when `source` is a secret itself; for the moment arguments are read, before anything else."""
    if source != "-" and not source.startswith(("env:", "file:", "keyring:")):
        raise _written_out(field)


def option(field: str) -> Callable[[str | None], str | None]:
    """A callback for a command's option that takes the source of a secret."""

    def check(source: str | None) -> str | None:
        if source is not None:
            refuse_written_out(source, field)
        return source

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


def _variable(name: str, field: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InvalidInput.of(field, f"was to come from the environment variable {name}, which is not set")
    return value


def _in_keyring(name: str, field: str) -> "SecretStr":
    from trackkit.client import remembered

    service, slash, username = name.rpartition("/")
    found = remembered.recall(service, username) if slash and service and username else None
    if found is None:
        raise InvalidInput.of(field, f"was to come from the keyring's {name or '(nothing)'}, which is not there")
    return found


def _content(name: str, field: str) -> str:
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput.of(field, f"was to come from {name}, which is no UTF-8 text") from None
    except OSError as error:
        raise InvalidInput.of(field, f"was to come from {name}, which cannot be read: {error.strerror}") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise InvalidInput.of(field, f"was to come from {name}, which is empty")
    return text
