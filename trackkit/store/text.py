"""Comparing texts, and long lists, the same way on both databases; ASCII letters match whatever their case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType


def text_value(text: str) -> ColumnElement[str]:
    """A text that is looked for. NUL, which PostgreSQL takes in no text, stands in the tables as its symbol."""
    return literal(text.replace("\x00", "\N{SYMBOL FOR NULL}"))


class holds(FunctionElement[bool]):
    """Whether the first text holds the second."""

    type = Boolean()
    inherit_cache = True


class folded(FunctionElement[str]):
    """The text in the form it is sorted and compared in."""

    type = Text()
    inherit_cache = True


@compiles(holds, "sqlite")
def _sqlite_holds(element: holds, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"instr(lower({text}), lower({part})) > 0"  # SQLite's lower() knows ASCII letters only


@compiles(holds, "postgresql")
def _postgresql_holds(element: holds, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(clause, **kw) for clause in element.clauses)
    return f'strpos(lower({text} COLLATE "C"), lower({part} COLLATE "C")) > 0'


@compiles(folded, "sqlite")
def _sqlite_folded(element: folded, compiler: SQLCompiler, **kw: Any) -> str:
    return f"lower({compiler.process(element.clauses, **kw)})"


@compiles(folded, "postgresql")
def _postgresql_folded(element: folded, compiler: SQLCompiler, **kw: Any) -> str:
    return f'lower({compiler.process(element.clauses, **kw)} COLLATE "C")'


class among(FunctionElement[Any]):
    """Whether a number is one of those in a list written as JSON: thousands of them are one parameter.

    Not typed as Boolean: for SQLite that is written as ``… = 1``, and no index is used then.
    """

    type = NullType()
    inherit_cache = True


@compiles(among, "sqlite")
def _sqlite_among(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    number, numbers = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{number} IN (SELECT value FROM json_each({numbers}))"  # noqa: S608 - two parameters


@compiles(among, "postgresql")
def _postgresql_among(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    number, numbers = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{number} = ANY(translate({numbers}, '[]', '{{}}')::bigint[])"
