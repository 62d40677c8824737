"""Conditions on items, as text: ``status=open``, ``priority!=low``, ``title~crash``, ``due_on<2026-12-31``, ``owner=``.

One spelling for saved filters, the command line, Python and forms. `Condition.holds` is the meaning; the store's SQL is
tested against it. Refusals are `InvalidInput`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from trackkit.domain.declared import Declaration
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.kinds import KindInfo

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~"]

_SHAPE: Final = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>|~)(.*)", re.DOTALL)
_ORDERED: Final = ("number", "date")
NUMBER: Final = "number"
"""Every item can be selected by its number, too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `value` none: the field is empty (``=``) or not (``!=``)."""

    field: str
    operator: Operator
    value: str | int | bool | date | None

    def __str__(self) -> str:
        if isinstance(self.value, bool):
            return f"{self.field}{self.operator}{'yes' if self.value else 'no'}"
        return f"{self.field}{self.operator}{'' if self.value is None else self.value}"

    def holds(self, item: Mapping[str, Any]) -> bool:
        """Whether it holds for the values of an item. A field without a value is only ``=`` nothing.

        Texts are compared exactly, except by ``~`` (contains; case does not matter for ASCII letters). A list is
        ``=`` each of its members.
        """
        value = item.get(self.field)
        if isinstance(value, tuple | list):
            return self._holds_for_list(tuple(value))
        if self.value is None:
            return (value in (None, "")) == (self.operator == "=")
        if value is None:
            return self.operator == "!="
        if self.operator == "~":
            return _lower(str(self.value)) in _lower(str(value))
        return _compared(self.operator, value, self.value)

    def _holds_for_list(self, values: tuple[str, ...]) -> bool:
        if self.value is None:
            return (not values) == (self.operator == "=")
        if self.operator == "~":
            return any(_lower(str(self.value)) in _lower(value) for value in values)
        return (self.value in values) == (self.operator == "=")


def _compared(operator: Operator, left: Any, right: Any) -> bool:
    results: Mapping[str, bool] = {
        "=": left == right,
        "!=": left != right,
    }
    if operator in results:
        return results[operator]
    ordered: Mapping[str, bool] = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return ordered[operator]


def _lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def parse(info: KindInfo, text: str) -> Condition:
    """The condition a text means for a kind; `InvalidInput` says what is wrong with it."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise _refused(f"{text!r} is no condition", "Write a field, one of = != < <= > >= ~, and a value: status=open.")
    name, operator, value = found[1], found[2], found[3].strip()
    if name == NUMBER:
        field = Declaration(NUMBER, "Number", "", "", False, False, None, (), "number", None, None, optional=True)
    elif name in info.fields and not info.fields[name].secret:
        field = info.fields[name]
    else:
        known = ", ".join([NUMBER, *(n for n, f in info.fields.items() if not f.secret)])
        raise _refused(f"{name!r} is no field of {info.titles.lower()}", f"There are {known}.")
    if operator in ("<", "<=", ">", ">=") and field.kind not in _ORDERED:
        raise _refused(f"{name} has no order, so {operator} cannot be asked", "Use =, != or ~.")
    if operator in ("<", "<=", ">", ">=", "~") and not value:
        raise _refused(f"{text!r} has no value to compare with")
    if operator == "~" and field.kind not in ("text", "long text", "choice", "list"):
        raise _refused(f"{name} is no text, so ~ cannot be asked")
    return Condition(name, operator, _value(field, value))  # type: ignore[arg-type]


def _value(field: Declaration, text: str) -> Any:
    if not text:
        return None
    if field.kind == "list":
        return text
    if field.kind == "choice" and text not in field.choices:
        near = ", ".join(field.choices)
        raise _refused(f"{text!r} is no value of {field.name}", f"There are {near}.")
    return field.parse(text)


def parse_all(info: KindInfo, texts: Iterable[str]) -> tuple[Condition, ...]:
    """Every condition; `InvalidInput` for the first bad one."""
    return tuple(parse(info, text) for text in texts)


def _refused(words: str, advice: str = "") -> InvalidInput:
    return InvalidInput.of("where", words, advice)
