"""``trackkit license seats | history | usage | replay``: who holds seats, who held them, and how many are enough."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, note, say, table
from trackkit.cli.times import instant
from trackkit.domain.seats import WORDS, Pool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trackkit.client import Server
    from trackkit.contract.licenses import PoolUse


class By(StrEnum):
    """How usage is summed up."""

    hour = "hour"
    day = "day"


PoolOf = Annotated[Pool | None, typer.Option("--pool", help="Only this pool.")]
Since = Annotated[str | None, typer.Option("--since", help="From this time on: 2026-01-31 or 2026-01-31T14:00.")]
Until = Annotated[str | None, typer.Option("--until", help="Before this time.")]


@on_server
def seats(server: "Server", as_json: AsJson = False) -> None:
    """Who holds a seat now; `trackkit session end ID` frees one."""
    found = server.licenses.seats()
    if as_json:
        json_of(found)
        return
    table(
        ("Session", "Pool", "User", "Project", "Client", "From", "Since", "Last used", "Free by itself"),
        [
            (
                seat.session_id,
                seat.pool,
                seat.username,
                seat.database,
                seat.client,
                seat.client_address,
                local_time(seat.taken_at),
                local_time(seat.used_at),
                local_time(seat.ends_at),
            )
            for seat in found.seats
        ],
        empty="No seat is taken.",
    )
    tell_pools(found.pools)


def tell_pools(pools: "Iterable[PoolUse]") -> None:
    """How many seats of each pool are taken."""
    from trackkit.client.license_words import taken

    for pool in pools:
        if pool.pool is not Pool.dedicated or pool.in_use:
            note(f"{taken(pool)}.")


@on_server
def history(
    server: "Server",
    pool: PoolOf = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only refusals.")] = False,
    before: Annotated[int | None, typer.Option(help="Go on before this id.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=5000)] = 200,
    as_json: AsJson = False,
) -> None:
    """Who held seats, and who was refused, newest first."""
    page = server.licenses.history(pool, refused_only=refused, before=before, limit=limit)
    if as_json:
        json_of(page)
        return
    table(
        ("Id", "Pool", "User", "Project", "Client", "From", "Taken", "Ended", "How"),
        [
            (
                use.use_id,
                use.pool,
                use.username,
                use.database,
                use.client,
                use.client_address,
                local_time(use.taken_at),
                local_time(use.ended_at),
                WORDS[use.ending],
            )
            for use in page.uses
        ],
        empty="The history holds no such use.",
    )
    if page.next_before is not None:
        note(f"There is more. Go on with --before {page.next_before}")


@on_server
def usage(
    server: "Server",
    pool: PoolOf = None,
    since: Since = None,
    until: Until = None,
    by: Annotated[By, typer.Option("--by", help="Summed up by the hour or by the day.")] = By.day,
    as_json: AsJson = False,
) -> None:
    """Seats in use over time; the last 30 days unless told otherwise."""
    found = server.licenses.usage(pool, instant("since", since), instant("until", until), by.value)
    if as_json:
        json_of(found)
        return
    table(
        ("From", "Pool", "Seats", "Most at once", "On average", "Refused"),
        [
            (
                local_time(point.starts_at),
                point.pool,
                point.capacity,
                point.peak,
                "-" if point.mean is None else f"{point.mean:.1f}",
                point.refusals,
            )
            for point in found.points
        ],
        empty="Nothing was counted in that time.",
    )


@on_server
def replay(
    server: "Server",
    pool: Annotated[Pool, typer.Argument(metavar="POOL", help=", ".join(Pool))],
    seats: Annotated[
        int | None, typer.Option("--seats", help="How many seats to play with; else as many as there are now.", min=0)
    ] = None,
    timeout: Annotated[
        int | None, typer.Option("--timeout", help="Idle time-out in minutes, 5 at least; else as it is now.", min=1)
    ] = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Play the history again: who would have been refused, and how many seats are enough?"""
    from trackkit.client.license_words import replay_sentences

    found = server.licenses.replay(pool, seats, timeout, instant("since", since), instant("until", until))
    if as_json:
        json_of(found)
        return
    note(f"Played again from {local_time(found.since)} to {local_time(found.until)}.")
    for sentence in replay_sentences(found):
        say(sentence)
    rows = [(one.holder, one.refusals) for one in found.by_holder[:20]]
    if rows:
        table(("Who", "Refused"), rows, empty="")


COMMANDS = (seats, history, usage, replay)
