"""Secrets by reference, resolved where the person is who uses them; never on the server.

| written | means |
| --- | --- |
| ``env:NAME`` | the environment variable NAME |
| ``file:PATH`` | the file's content, without the line end at its end |
| ``keyring:SERVICE/NAME`` | the password that the operating system's keyring keeps for NAME under SERVICE |

What cannot be resolved is `InvalidInput` naming the field and the reference, never a value.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from trackkit.client import remembered
from trackkit.domain.errors import InvalidInput, Problem, Unavailable


def resolved(references: Mapping[str, str]) -> dict[str, SecretStr]:
    """The secrets behind references by field; every one that cannot be had is told at once."""
    found: dict[str, SecretStr] = {}
    problems: list[Problem] = []
    for field, reference in references.items():
        try:
            found[field] = resolve(reference, field)
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput("Secrets could not be had; nothing was changed.", problems=problems)
    return found


def resolve(reference: str, field: str) -> SecretStr:
    """The secret behind one reference."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        return SecretStr(_variable(name, field))
    if kind == "file":
        return SecretStr(_content(name, field))
    if kind == "keyring":
        return _kept(name, field)
    raise InvalidInput.of(field, "is no reference; write env:NAME, file:PATH or keyring:SERVICE/NAME")


def _variable(name: str, field: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InvalidInput.of(field, f"was to come from the environment variable {name}, which is not set")
    return value


def _content(name: str, field: str) -> str:
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput.of(field, f"was to come from {name}, which is no UTF-8 text") from None
    except (OSError, RuntimeError, ValueError) as error:  # no such home; a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise InvalidInput.of(field, f"was to come from {name}, which cannot be read: {reason}") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise InvalidInput.of(field, f"was to come from {name}, which is empty")
    return text


def _kept(name: str, field: str) -> SecretStr:
    service, slash, account = name.rpartition("/")
    if not slash or not service or not account:
        raise InvalidInput.of(field, "names no place in the keyring; write keyring:SERVICE/NAME")
    try:
        found = remembered.recall(service, account)
    except Unavailable as error:
        raise InvalidInput.of(field, f"was to come from the keyring. {error.message}", error.advice) from None
    if found is None or not found:
        raise InvalidInput.of(field, f"was to come from the keyring, which keeps nothing for {account} under {service}")
    return found
