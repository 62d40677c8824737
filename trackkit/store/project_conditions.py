"""Conditions on items as SQL that means the same on every engine, and the same as `Condition.holds`.

Values are bound parameters; what is put together as text here are columns and parameters that SQLAlchemy has rendered.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, not_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from trackkit.domain.declared import Declaration
from trackkit.domain.project.conditions import NUMBER, Condition
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, KindInfo
from trackkit.store.project_references import RECORD
from trackkit.store.project_tables import TABLES, column_name
from trackkit.store.text import holds, text_value

_LARGEST: Final = 2**63 - 1
_NAMES: Final = {"=": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}


def as_sql(info: KindInfo, condition: Condition) -> ColumnElement[bool]:
    """The condition on the table of that kind."""
    table = TABLES[info.kind]
    if condition.field == NUMBER:
        return _compared(table.c.id, condition.operator, _in_range(condition.value))
    field = info.fields[condition.field]
    column = table.c[column_name(field)]
    if field.kind == "list":
        return _list_holds(field, column, condition)
    if field.refers_to and field.refers_to != RECORD:
        return _reference_holds(field, column, condition)
    return _compared(column, condition.operator, condition.value)


def _in_range(value: Any) -> Any:
    """Beyond the largest number a column takes there is nothing, so that number does as well."""
    return value if value is None else max(-_LARGEST, min(int(value), _LARGEST))


def _compared(column: Any, operator: str, value: Any) -> ColumnElement[bool]:
    if value is None:
        empty: ColumnElement[bool] = column.is_(None)
        if isinstance(column.type, Text):
            empty = or_(empty, column == "")
        return empty if operator == "=" else not_(empty)
    if operator == "~":
        return and_(column.is_not(None), holds(column, text_value(str(value))))
    if isinstance(value, str):
        value = text_value(value)
    compared: ColumnElement[bool] = getattr(column, _NAMES[operator])(value)
    return or_(column.is_(None), compared) if operator == "!=" else and_(column.is_not(None), compared)


def _reference_holds(field: Declaration, column: Any, condition: Condition) -> ColumnElement[bool]:
    """References are compared by the key they are written by."""
    if condition.value is None:
        empty: ColumnElement[bool] = column.is_(None)
        return empty if condition.operator == "=" else not_(empty)
    kind = Kind(field.refers_to)
    target = TABLES[kind].alias()
    key = target.c.name if KINDS[kind].named else cast(target.c.id, Text)
    value = text_value(str(condition.value))
    matching = holds(key, value) if condition.operator == "~" else key == value
    found = exists(select(target.c.id).where(target.c.id == column, matching))
    return not_(found) if condition.operator == "!=" else found


def _list_holds(field: Declaration, column: Any, condition: Condition) -> ColumnElement[bool]:
    if condition.value is None:
        empty = array_length(column) == 0
        return empty if condition.operator == "=" else not_(empty)
    value = text_value(str(condition.value))
    if field.refers_to:
        target = TABLES[Kind(field.refers_to)].alias()
        matching = holds(target.c.name, value) if condition.operator == "~" else target.c.name == value
        found: ColumnElement[bool] = exists(
            select(target.c.id).where(matching, list_member(column, cast(target.c.id, Text)))
        )
    elif condition.operator == "~":
        found = list_member_holds(column, value)
    else:
        found = list_member(column, value)
    return not_(found) if condition.operator == "!=" else found


def text_found(info: KindInfo, text: str) -> ColumnElement[bool]:
    """Whether one of the texts of an item holds `text` (ASCII letters whatever their case)."""
    table, value = TABLES[info.kind], text_value(text)
    texts = [f for f in info.fields.values() if f.kind in ("text", "long text") and not f.secret]
    columns = [table.c[column_name(f)] for f in texts if not f.refers_to or f.refers_to == RECORD]
    return or_(*(func.coalesce(holds(column, value), False) for column in columns))


class array_length(FunctionElement[int]):
    """How many members a JSON list has."""

    inherit_cache = True


class list_member(FunctionElement[bool]):
    """Whether a JSON list has a member that reads so."""

    inherit_cache = True


class list_member_holds(FunctionElement[bool]):
    """Whether a JSON list has a member that holds a text (ASCII letters whatever their case)."""

    inherit_cache = True


@compiles(array_length, "sqlite")
def _sqlite_length(element: array_length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **kw)})"


@compiles(array_length, "postgresql")
def _postgresql_length(element: array_length, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **kw)})"


@compiles(list_member, "sqlite")
def _sqlite_member(element: list_member, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({column}) AS member WHERE CAST(member.value AS TEXT) = {value})"  # noqa: S608


@compiles(list_member, "postgresql")
def _postgresql_member(element: list_member, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_array_elements_text({column}) AS member(value) WHERE member.value = {value})"  # noqa: S608


@compiles(list_member_holds, "sqlite")
def _sqlite_member_holds(element: list_member_holds, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({column}) AS member WHERE instr(lower(member.value), lower({value})) > 0)"  # noqa: S608


@compiles(list_member_holds, "postgresql")
def _postgresql_member_holds(element: list_member_holds, compiler: SQLCompiler, **kw: Any) -> str:
    column, value = (compiler.process(clause, **kw) for clause in element.clauses)
    return (
        f"EXISTS (SELECT 1 FROM json_array_elements_text({column}) AS member(value) "  # noqa: S608
        f'WHERE strpos(lower(member.value COLLATE "C"), lower({value} COLLATE "C")) > 0)'
    )
