"""``trackkit audit``: who changed what."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, note, table

if TYPE_CHECKING:
    from trackkit.client import Server

app = typer.Typer(no_args_is_help=True, help="Who changed what; read only.")


@app.command("list")
@on_server
def list_audit(
    server: "Server",
    limit: Annotated[int, typer.Option("--limit", help="How many at most.", min=1, max=5000)] = 200,
    before: Annotated[int | None, typer.Option("--before", help="Go on after this record id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the audit records, newest first."""
    page = server.audit.list(before, limit)
    if as_json:
        json_of(page)
        return
    table(
        ("Time", "Who", "From", "What", "On", "Before", "After"),
        [
            (
                local_time(r.at),
                r.username,
                r.client_address,
                r.operation,
                r.subject,
                _pairs(r.before),
                _pairs(r.after),
            )
            for r in page.records
        ],
        empty="Nothing was changed yet.",
        wrap=("On", "Before", "After"),
    )
    if page.next_before is not None:
        note(f"Go on with --before {page.next_before}")


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
