"""What commands print: tables for people, JSON for programs, and text of others made harmless for the terminal.

Subjects, log messages and replies of mail hosts come from strangers: every character that is not printable (escape
sequences, other control characters, bidirectional overrides) is written as its escape, so that it can neither move
the cursor nor forge output. JSON goes out in ASCII.
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.domain.text import counted as counted  # for commands, beside the rest they print with

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_PIPE_WIDTH = 100_000
"""A pipe or a file is as wide as its longest line."""

_SENTENCE = 30
"""Columns in which a sentence can still be read."""

_GAP = 3


def plain(text: object, keep: str = "") -> str:
    """`text` with each character that is not printable written as its escape; those in `keep` stay."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in str(text))


def local_time(at: datetime | None) -> str:
    """An instant in this machine's time zone, with its offset; ``-`` for none."""
    return at.astimezone().isoformat(" ", "seconds") if at else "-"


def size(octets: int) -> str:
    """A size for people."""
    if octets < 10_240:
        return f"{octets} B"
    return f"{octets / 1024:.0f} KB" if octets < 10_485_760 else f"{octets / 1_048_576:.1f} MB"


def say(text: object = "") -> None:
    """A line on stdout."""
    typer.echo(plain(text, keep="\n\t"))


def note(text: object) -> None:
    """A line on stderr, beside the output proper."""
    typer.echo(plain(text, keep="\n\t"), err=True)


def json_of(model: "BaseModel") -> None:
    """A response as it came, with the field names of the API."""
    typer.echo(model.model_dump_json(indent=2, ensure_ascii=True))


def json_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Rows that are no response of the API."""
    import json

    typer.echo(json.dumps(rows, indent=2, ensure_ascii=True))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str, wrap: Sequence[str] = ()) -> None:
    """A table on stdout, or the sentence `empty` when there are no rows.

    Nothing is ever cut: on a terminal too narrow for the table each row becomes a line with its sentences below it;
    in a pipe each row is one line, however long.

    Parameters
    ----------
    wrap: columns that hold sentences, which may take several lines.
    """
    cells = [["-" if cell is None or cell == "" else plain(cell) for cell in row] for row in rows]
    if not cells:
        say(empty)
    elif _needed(columns, cells, wrap) <= _width():
        _as_table(columns, cells, wrap)
    else:
        _as_blocks(columns, cells, wrap)


def _needed(columns: Sequence[str], cells: Sequence[Sequence[str]], wrap: Sequence[str]) -> int:
    """The columns of the terminal that a readable table takes."""
    widths = [max(len(name), *(len(row[at]) for row in cells)) for at, name in enumerate(columns)]
    kept = [min(width, _SENTENCE) if name in wrap else width for name, width in zip(columns, widths, strict=True)]
    return sum(kept) + _GAP * len(kept)


def _as_table(columns: Sequence[str], cells: Sequence[Sequence[str]], wrap: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, no_wrap=column not in wrap, overflow="fold")
    for row in cells:
        made.add_row(*(Text(cell) for cell in row))
    _print(made)


def _as_blocks(columns: Sequence[str], cells: Sequence[Sequence[str]], wrap: Sequence[str]) -> None:
    widths = {name: max(len(name), *(len(row[at]) for row in cells)) for at, name in enumerate(columns)}
    say("  ".join(name.ljust(widths[name]) for name in columns if name not in wrap).rstrip())
    for row in cells:
        named = list(zip(columns, row, strict=True))
        say("  ".join(cell.ljust(widths[name]) for name, cell in named if name not in wrap).rstrip())
        for name, cell in named:
            if name in wrap and cell != "-":
                say(fill(f"{name}: {cell}", _width(), initial_indent="    ", subsequent_indent="      "))


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, show_header=False, pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(Text(name, "bold"), Text(plain("-" if value is None or value == "" else value)))
    _print(made)


def _print(made: "Table") -> None:
    from rich.console import Console

    Console(file=sys.stdout, width=_width(), highlight=False).print(made)


def _width() -> int:
    return get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
