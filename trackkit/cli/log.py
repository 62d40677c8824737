"""``trackkit log``: read the server log, export it, and delete from it."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.files import write_new
from trackkit.cli.log_conditions import takes_conditions
from trackkit.cli.output import AsJson, counted, json_of, local_time, note, say, size, table
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import MAXIMUM_STARTUP_LOG_MB, ExportFormat, Severity

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="The server log.")


@app.command("list")
@on_server
@takes_conditions()
def list_log(
    server: "Server",
    wanted: dict[str, Any],
    saved: Annotated[
        str | None, typer.Option("--filter", metavar="NAME", help="A saved filter; conditions given besides win.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=10_000)] = 200,
    before: Annotated[int | None, typer.Option("--before", help="Go on after this entry id.")] = None,
    details: Annotated[bool, typer.Option("--details", help="Show the details too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the server log, newest first."""
    if saved:
        wanted = server.log.filters.conditions(saved) | wanted
    page = server.log.list(**wanted, before=before, limit=limit)
    if as_json:
        json_of(page)
        return
    table(
        ("Time", "Level", "Source", "User", "From", "Message", *(["Details"] if details else [])),
        [
            (
                local_time(entry.at),
                Severity.named(entry.level).title,
                entry.source,
                entry.username,
                entry.client_address,
                entry.message,
                *([entry.details] if details else []),
            )
            for entry in page.entries
        ],
        empty="No entry matches.",
        wrap=("Message", "Details"),
    )
    if page.next_before is not None:
        of = f"{page.total:,}" if page.total_is_exact else f"more than {page.total:,}"
        note(f"{len(page.entries):,} of {of}. Go on with --before {page.next_before}")
    elif page.entries:
        note(f"{counted(page.total, 'entry', 'entries')} in all.")


@app.command()
@on_server
@takes_conditions()
def export(
    server: "Server",
    wanted: dict[str, Any],
    file: Annotated[Path, typer.Argument(help="A new file; an existing one is not overwritten.")],
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="None = by the file's suffix: .csv, .jsonl, .parquet, .arrow."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="How many at most, the newest.", min=1)] = None,
) -> None:
    """Export the entries that match, newest first."""
    written = server.log.export(file, format_, limit=limit, **wanted)
    say(f"Wrote {written} ({size(written.stat().st_size)}).")


@app.command()
@on_server
def delete(
    server: "Server",
    all_: Annotated[bool, typer.Option("--all", help="Delete all entries.")] = False,
    through: Annotated[
        str | None,
        typer.Option("--through", metavar="DATE", help="Up to and including this date (server's time zone)."),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete log entries: all, or up to and including a date (asks first; there is no undo)."""
    day = _day(through)
    number = server.log.delete(all=all_, through=day, preview=True).entries
    which = f"up to and including {day} (the server's time zone)" if day else "which are all there are"
    confirm(
        f"Delete {counted(number, 'log entry', 'log entries')}, {which}? There is no undo. While there are problems "
        f"it is better to keep the log.{'' if yes else _problems(server)}",
        yes,
    )
    deleted = server.log.delete(all=all_, through=day)
    if as_json:
        json_of(deleted)
    else:
        say(f"Deleted {counted(deleted.entries, 'log entry', 'log entries')}.")


@app.command()
@on_server
def startup(
    server: "Server",
    megabytes: Annotated[
        int, typer.Option("--megabytes", help="How much of its end.", min=1, max=MAXIMUM_STARTUP_LOG_MB)
    ] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="A new file to write it to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show startup.log of the server's data folder: start-up errors, and everything if the options ask for it."""
    read = server.log.startup(megabytes)
    if out is not None:
        write_new(out, read.text.encode())
        say(f"Wrote {out}.")
    elif as_json:
        json_of(read)
    else:
        say(read.text.rstrip("\n") or "startup.log is empty.")
    if not read.whole and not as_json:
        note(f"These are its last {megabytes} MB; --megabytes shows more.")


def _problems(server: "Server") -> str:
    """What speaks against deleting the log now."""
    found = [one.words for one in server.health().findings if Severity.named(one.severity) <= Severity.warning]
    return " There are problems now:" + "".join(f"\n- {words}" for words in found) + "\n" if found else ""


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput.of("through", f"is {text!r}; write a date as 2026-01-31") from None
