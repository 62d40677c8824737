"""``trackkit mail diagnoses``: the table of why mail can wait, and replies that no row of it knows."""

from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, table

if TYPE_CHECKING:
    from trackkit.client import Server

NEVER = "Only the rows that never matched on this server."
UNKNOWN = "The latest replies that no row knows, instead."


@on_server
def diagnoses(
    server: "Server",
    never: Annotated[bool, typer.Option("--never", help=NEVER)] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help=UNKNOWN)] = False,
    as_json: AsJson = False,
) -> None:
    """Why mail can wait: every cause, what to do, how often it was met here; or replies that nobody knows yet."""
    found = server.mail.diagnoses()
    if as_json:
        json_of(found)
        return
    if unknown:
        table(
            ("Last", "Times", "Host", "Stage", "Reply"),
            [
                (
                    local_time(one.last_at),
                    one.tries,
                    one.host,
                    one.stage.replace("_", " "),
                    f"{one.smtp_code or ''} {one.text}".strip(),
                )
                for one in found.unknown
            ],
            empty="Every reply was known.",
        )
        return
    table(
        ("Cause", "Failed tries", "Last met", "What it says", "Next step", "Operation"),
        [
            (
                one.cause,
                one.tries,
                local_time(one.last_at) if one.last_at else "never",
                one.words,
                one.next_step,
                f"{one.operation} {one.option}".strip(),
            )
            for one in found.rows
            if not (never and one.last_at)
        ],
        empty="Every row has matched.",
    )
