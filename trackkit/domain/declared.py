"""Fields that are declared once: what a value is, its bounds, its unit, its help.

Server options, the settings of databases and tasks, and everything a project holds are models made of such fields;
tables, API, command line, forms and docs derive from them. Bad values raise `InvalidInput` naming each refused field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from trackkit.domain.errors import InvalidInput, Problem

FieldKind = Literal["text", "long text", "secret", "number", "yes/no", "choice", "date", "list"]

_YES_NO: Final = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}


def declare(
    default: Any,
    *,
    title: str,
    help: str = "",
    unit: str = "",
    restart: bool = False,
    long: bool = False,
    refers_to: str = "",
    on_delete: Literal["refuse", "clear"] = "refuse",
    needs: Mapping[str, tuple[object, ...]] | None = None,
    **bounds: Any,
) -> Any:
    """Declare a field.

    Parameters
    ----------
    restart: a change counts from the server's next start.
    long: a text of several lines.
    refers_to: the kind of project item whose key the value is; ``record`` = any record, written ``defect 12``.
    on_delete: what happens when that item is deleted: it cannot be, or the value becomes empty.
    needs: other fields by their full names, with the values among which each has to be for this one to matter; none =
        it always does. Forms show what matters; nothing else asks.
    bounds: pydantic's (``ge``, ``le``, ``max_length`` …).
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "restart": restart,
        "long": long,
        "refers_to": refers_to,
        "on_delete": on_delete,
        "needs": dict(needs or {}),
    }
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


class Group(BaseModel):
    """A model of declared fields; frozen, and strict about names and types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declared field as every front shows it."""

    name: str
    title: str
    help: str
    unit: str
    secret: bool
    restart: bool
    default: object
    choices: tuple[str, ...]
    kind: FieldKind
    minimum: int | None
    maximum: int | None
    required: bool = False
    optional: bool = False
    """It can have no value."""
    refers_to: str = ""
    on_delete: Literal["refuse", "clear"] = "refuse"
    needs: Mapping[str, tuple[object, ...]] = field(default_factory=dict, hash=False)
    """When it matters, as `declare` has it."""

    @property
    def group(self) -> str:
        """The first part of the name; options of a group are changed and versioned together."""
        return self.name.partition(".")[0]

    def parse(self, text: str) -> object:
        """The value written as text (command line, file, CSV); `InvalidInput` when it cannot be read as one.

        Empty text is no value where a field can have none.
        """
        if self.optional and not text.strip():
            return None
        if self.kind == "yes/no":
            if text.strip().lower() not in _YES_NO:
                raise InvalidInput.of(self.name, f"is {text!r}; write yes or no")
            return _YES_NO[text.strip().lower()]
        if self.kind == "number":
            try:
                return int(text)
            except ValueError:
                raise InvalidInput.of(self.name, f"is {text!r}; write a whole number") from None
        if self.kind == "date":
            return _date(self.name, text)
        if self.kind == "list":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return text

    def text(self, value: object) -> str:
        """The value as text, as `parse` reads it; none = ``""``."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, tuple | list):
            return ", ".join(map(str, value))
        return str(value)


def _date(name: str, text: str) -> date:
    try:
        if len(text.strip()) != len("2026-01-31"):
            raise ValueError
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput.of(name, f"is {text!r}; write a date as YYYY-MM-DD") from None


_KINDS: Mapping[Any, FieldKind] = {
    bool: "yes/no",
    int: "number",
    str: "text",
    SecretStr: "secret",
    date: "date",
    tuple: "list",
}


@cache
def fields_of(model: type[Group]) -> Mapping[str, Declaration]:
    """The declared fields of a model by name, in their order; those of groups in it as ``group.field``."""
    return MappingProxyType({info.name: info for info in _walk(model, "")})


def _walk(model: type[Group], prefix: str) -> Iterator[Declaration]:
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, Group):
            yield from _walk(annotation, f"{prefix}{name}.")
        else:
            yield declaration(f"{prefix}{name}", info)


def value_of(model: Group, name: str) -> Any:
    """The value of one field, by its dotted name."""
    value: Any = model
    for part in name.split("."):
        value = getattr(value, part)
    return value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted name as a tree, which is how models take them."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = value
    return tree


def declaration(name: str, info: FieldInfo) -> Declaration:
    """The declaration behind a field."""
    extra = info.json_schema_extra
    declared: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
    inner = next((a for a in get_args(info.annotation) if a is not type(None)), info.annotation)
    plain = info.annotation if get_origin(info.annotation) in (Literal, tuple) else inner
    choices = tuple(get_args(plain)) if get_origin(plain) is Literal else ()
    kind: FieldKind = "choice" if choices else _KINDS.get(get_origin(plain) or plain, "text")
    if kind == "text" and declared.get("long"):
        kind = "long text"
    limits = {type(m).__name__: m for m in info.metadata}
    return Declaration(
        name=name,
        title=info.title or name,
        help=info.description or "",
        unit=declared.get("unit", ""),
        secret=plain is SecretStr,
        restart=declared.get("restart", False),
        default=None if info.is_required() else info.default,
        choices=choices,
        kind=kind,
        minimum=getattr(limits.get("Ge"), "ge", None),
        maximum=getattr(limits.get("Le"), "le", None),
        required=info.is_required(),
        optional=type(None) in get_args(info.annotation),
        refers_to=declared.get("refers_to", ""),
        on_delete=declared.get("on_delete", "refuse"),
        needs=declared.get("needs", {}),
    )


def matters(name: str, known: Mapping[str, Declaration], values: Mapping[str, object]) -> bool:
    """Whether a field is of any consequence with these values; what is not known of is no reason against it."""
    return all(
        other not in values or (values[other] in wanted and matters(other, known, values))
        for other, wanted in known[name].needs.items()
    )


G = TypeVar("G", bound=Group)


def checked(model: type[G], values: Mapping[str, Any], refused: str) -> G:
    """A model made of values as they travel (dates as text, lists for tuples); `InvalidInput` names each bad field.

    Parameters
    ----------
    refused: the sentence of the error, such as ``The task was refused; nothing was changed.``
    """
    known = fields_of(model)
    problems = [Problem(name, f"is no field; there are {', '.join(known)}") for name in values if name not in known]
    ready: dict[str, Any] = {}
    for name, value in values.items():
        if name in known:
            try:
                ready[name] = _ready(known[name], value)
            except InvalidInput as error:
                problems += error.problems
    if problems:
        raise InvalidInput(refused, problems=problems)
    try:
        return model.model_validate(nested(ready))
    except ValidationError as error:
        raise InvalidInput(refused, problems=problems_of(error, known)) from None


def _ready(field: Declaration, value: Any) -> Any:
    """A value as the model takes it: JSON has no dates, no tuples and no secrets."""
    if field.kind == "date" and isinstance(value, str):
        return field.parse(value)
    if field.kind == "list" and isinstance(value, list):
        return tuple(value)
    if field.kind == "secret" and isinstance(value, str):
        return SecretStr(value)
    return value


def problems_of(error: ValidationError, known: Mapping[str, Declaration]) -> list[Problem]:
    """Field and reason of each refused value, never the value: it may be a secret."""
    found = error.errors(include_input=False, include_url=False)
    return [_problem(e["type"], ".".join(str(p) for p in e["loc"]), e["msg"], e.get("ctx", {}), known) for e in found]


_NO_SUCH_VALUE: Final = {
    "string_type": "is not a text",
    "int_type": "is not a whole number",
    "bool_type": "is neither yes nor no",
    "date_type": "is not a date, as YYYY-MM-DD",
    "tuple_type": "is not a list",
}


def _problem(
    kind: str, where: str, message: str, context: Mapping[str, Any], known: Mapping[str, Declaration]
) -> Problem:
    if kind.startswith("at:"):
        return Problem(".".join(part for part in (where, kind[3:]) if part), message)
    if kind == "missing":
        return Problem(where, "is missing")
    if kind in _NO_SUCH_VALUE:
        return Problem(where, _NO_SUCH_VALUE[kind])
    if kind == "literal_error" and where in known:
        return Problem(where, f"is not one of {', '.join(known[where].choices)}")
    if kind == "string_too_short" and context.get("min_length") == 1:
        return Problem(where, "is empty")
    if kind == "string_too_long":
        return Problem(where, f"is longer than {context['max_length']:,} characters")
    if kind in ("greater_than_equal", "less_than_equal") and where in known:
        info = known[where]
        if info.minimum is not None and info.maximum is not None:
            return Problem(where, f"is not between {info.minimum} and {info.maximum}")
    return Problem(where, message[:1].lower() + message[1:])


def flat_values(model: Group, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The values of a model by name."""
    return {name: value_of(model, name) for name in (fields_of(type(model)) if names is None else names)}
