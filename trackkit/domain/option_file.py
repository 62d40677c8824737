"""Server options as a file (TOML): what is written, and what is read back.

    kind = "trackkit server options"
    format = 1

    [sending.smtp]
    host = "mail.example.org"
    password = "env:SMTP_PASSWORD"

An option that the file does not name stays as it is. A secret is never in a file: only a reference to where the person
who applies it has it (``env:NAME``, ``file:PATH``, ``keyring:SERVICE/NAME``). What cannot be read, another format, an
unknown name, a name given twice and a secret in the open are `InvalidInput`, which never repeats a value. Whether the
values fit their options is for `trackkit.domain.options` to say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import tomli_w

from trackkit.domain.errors import InvalidInput, Problem
from trackkit.domain.options import Options, catalogue, flat, near_names

KIND: Final = "trackkit server options"
FORMAT: Final = 1
LONGEST: Final = 262_144
"""Characters of a file; dozens of times what all options take."""
LONGEST_LINE: Final = 2_000
"""Characters of a line: a name of very many parts takes the parser very long."""

SOURCES: Final = "env:NAME, file:PATH or keyring:SERVICE/NAME"
_SCHEMES: Final = ("env:", "file:", "keyring:")
_REFUSED: Final = "The options file was refused; nothing was changed."
_HEAD: Final = f"""\
# Options of a trackkit server. What is not named here stays as it is when the file is applied.
#   trackkit options plan FILE     shows what it would change
#   trackkit options apply FILE    changes it, all or none
# Secrets are never written into it; give a reference instead: {SOURCES}.
"""


@dataclass(frozen=True, slots=True)
class OptionFile:
    """What a file says."""

    values: Mapping[str, Any]
    """By option name; none of them secret, unless it is none: a secret that shall be removed."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Secret options by name, and where the person who applies the file has each."""


def written(options: Options, *, everything: bool) -> str:
    """The file that holds these options without secrets.

    Parameters
    ----------
    everything: name those that have their default, too.
    """
    values, defaults, known = flat(options), flat(Options()), catalogue()
    named = [name for name in known if not known[name].secret and (everything or values[name] != defaults[name])]
    secrets = [name for name in known if known[name].secret and values[name] is not None]
    tree: dict[str, Any] = {"kind": KIND, "format": FORMAT}
    for name in named:
        *groups, last = name.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = "" if values[name] is None else values[name]
    return _HEAD + "".join(f"# Set, but not in this file: {name}\n" for name in secrets) + "\n" + tomli_w.dumps(tree)


def read(text: str) -> OptionFile:
    """What the file says; every refused name is told at once."""
    raw = _parsed(text)
    _check_format(raw)
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    references: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in _leaves({key: value for key, value in raw.items() if key not in ("kind", "format")}):
        if name in seen:
            problems.append(Problem(name, "is given twice"))
        seen.add(name)
        if reason := _refusal(name, value):
            problems.append(Problem(name[:200], reason))
        elif catalogue()[name].secret and value:
            references[name] = value
        else:
            values[name] = None if value == "" and catalogue()[name].optional else value
    if problems:
        raise InvalidInput(_REFUSED, problems=problems)
    return OptionFile(values, references)


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise InvalidInput.of("file", f"is longer than {LONGEST:,} characters; this is no options file")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            words = f"has more than {LONGEST_LINE:,} characters in line {number}; this is no options file"
            raise InvalidInput.of("file", words)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InvalidInput.of("file", "is nested too deeply; this is no options file") from None
    except ValueError as error:
        if any(words in str(error) for words in ("overwrite", "twice", "immutable", "Duplicate")):
            raise InvalidInput.of("file", f"gives a name twice: {error}") from None
        raise InvalidInput.of("file", f"is not TOML: {error}") from None


def _check_format(raw: Mapping[str, Any]) -> None:
    if raw.get("kind") != KIND:
        raise InvalidInput.of(
            "kind", f'is not "{KIND}"; this is no options file', "`trackkit options export` writes one."
        )
    version = raw.get("format")
    if isinstance(version, bool) or not isinstance(version, int):
        raise InvalidInput.of("format", "is missing, or no whole number", f"This trackkit reads format {FORMAT}.")
    if version > FORMAT:
        raise InvalidInput.of(
            "format",
            f"is newer than this trackkit, which reads format {FORMAT}",
            "Use the trackkit that wrote the file, or a newer one.",
        )
    if version < FORMAT:
        raise InvalidInput.of(
            "format",
            f"is older than any this trackkit can read (format {FORMAT})",
            "Export the options anew with `trackkit options export`.",
        )


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every name in the file with its value; a table that is no group of options is one name."""
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and _is_group(name):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _is_group(name: str) -> bool:
    return any(known.startswith(f"{name}.") for known in catalogue())


def _refusal(name: str, value: object) -> str:
    """Why this line is refused; ``""`` when it is not. The value is never repeated: it may be a secret."""
    if name not in catalogue():
        if _is_group(name):
            return f"is a group of options; write it as a table, [{name}]"
        return f"is not the name of an option. {near_names(name[:200])}".strip()
    if catalogue()[name].secret:
        if not isinstance(value, str) or (value and not is_reference(value)):
            return (
                f"is a secret, which must not stand in a file; give {SOURCES}, and consider the secret known to others"
            )
        return ""
    if isinstance(value, bool | int | str):
        return ""
    return "is neither text nor a whole number nor true or false"


def is_reference(text: str) -> bool:
    """Whether the text says where a secret is, instead of being one."""
    return any(text.startswith(scheme) and len(text) > len(scheme) for scheme in _SCHEMES)
