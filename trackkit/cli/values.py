"""NAME=VALUE arguments by declared fields, the same for every command that takes them. Secrets go in by reference."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trackkit.cli import secrets
from trackkit.domain.errors import InvalidInput

if TYPE_CHECKING:
    from trackkit.domain.declared import Declaration


def parsed(changes: Sequence[str], known: "Mapping[str, Declaration]") -> dict[str, Any]:
    """What is to be set, by name; `InvalidInput` for an unknown name, a value that cannot be read, a secret in it."""
    found: dict[str, Any] = {}
    for name, equals, text in (change.partition("=") for change in changes):
        if name not in known:
            raise InvalidInput.of(name, f"is no field; there are {', '.join(known)}")
        if not equals:
            raise InvalidInput.of(name, "has no value; write NAME=VALUE")
        if name in found:
            raise InvalidInput.of(name, "is given twice")
        field = known[name]
        if field.secret:
            found[name] = secrets.resolve(text, name, confirm=True) if text else None
        else:
            found[name] = as_json(field.parse(text))
    return found


def as_json(value: object) -> Any:
    """A parsed value as JSON has it."""
    from datetime import date

    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
