"""The texts of a project: what every database can store, what is one line, what is an e-mail address.

Refusals are pydantic's, so that `domain.declared.checked` names the field of each.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from trackkit.domain.declared import Group
from trackkit.domain.text import is_one_line

MAXIMUM_ADDRESS: Final = 254
"""Characters of an e-mail address (RFC 5321 §4.5.3.1.3, less the angle brackets)."""


class Texts(Group):
    """What every kind has in common: texts are storable, titles and names are one line."""

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        texts = value if isinstance(value, tuple) else (value,)
        if any("\x00" in t or any(0xD800 <= ord(c) <= 0xDFFF for c in t) for t in texts if isinstance(t, str)):
            raise PydanticCustomError("text", "holds characters that no database takes (NUL or half a character)")
        return value

    @field_validator("title", "name", mode="after", check_fields=False)
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip():
            raise PydanticCustomError("text", "is empty")
        return checked_line(value)


def checked_line(value: str) -> str:
    """One line without blanks around it, or nothing; `PydanticCustomError` for what is none."""
    if not is_one_line(value):
        raise PydanticCustomError("text", "holds line breaks or other control characters")
    return value.strip()


def checked_address(value: str) -> str:
    """An e-mail address without blanks around it, or nothing; `PydanticCustomError` for what is none."""
    value = value.strip()
    local, at, domain = value.rpartition("@")
    if value and (not is_one_line(value) or " " in value or not (local and at and domain) or "," in value):
        raise PydanticCustomError("email", "is no e-mail address")
    return value
