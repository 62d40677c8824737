"""``trackkit log tail``: the entries of the log as they come, until Ctrl+C.

A server that does not answer is told once and asked again until it is back; no entry is left out meanwhile, because
the tail goes on after the last one it printed. Looking keeps no session alive: one that has ended ends the tail, with
the error; an API token goes on for good.
"""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackkit.cli.choosing import on_server
from trackkit.cli.log_conditions import TIMES, takes_conditions
from trackkit.cli.output import local_time, note, plain, say
from trackkit.domain.errors import ConnectionFailed, Unavailable
from trackkit.domain.log import Severity

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.log import LogRow

SECONDS = 1.0
"""Between two looks."""
_PAGE = 1000


@on_server
@takes_conditions(*TIMES)
def tail(
    server: "Server",
    wanted: dict[str, Any],
    before: Annotated[int, typer.Option("--lines", "-n", help="So many of the newest first.", min=0, max=_PAGE)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print each entry as a line of JSON.")] = False,
) -> None:
    """Show entries as they are written; Ctrl+C ends it."""
    try:
        with server.automatic():
            _follow(server, wanted, before, as_json)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _follow(server: "Server", wanted: dict[str, Any], before: int, as_json: bool) -> None:
    newest = server.log.list(limit=1).entries
    last = newest[0].entry_id if newest else 0
    if before:
        for entry in reversed(server.log.list(**wanted, before=last + 1, limit=before).entries):
            _print(entry, as_json)
    silent = False
    while True:
        try:
            page = server.log.list(**wanted, before=last, limit=_PAGE, oldest_first=True)
        except (ConnectionFailed, Unavailable) as error:
            if not silent:
                note(f"{error.message} Waiting for the server; Ctrl+C ends it.")
            silent = True
            time.sleep(SECONDS)
            continue
        if silent:
            note("The server answers again.")
            silent = False
        for entry in page.entries:
            _print(entry, as_json)
            last = entry.entry_id
        if page.next_before is None:
            time.sleep(SECONDS)


def _print(entry: "LogRow", as_json: bool) -> None:
    if as_json:
        typer.echo(entry.model_dump_json(ensure_ascii=True))
        return
    about = "/".join(plain(one) for one in (entry.source, entry.database, entry.username) if one)
    say(f"{local_time(entry.at)}  {Severity.named(entry.level).title:<16}  {about}  {plain(entry.message)}")
