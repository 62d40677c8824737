"""Licenses, seats, refusals and what a replay found, as tables; how full each pool is, as a bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from trackkit.client.license_words import maintenance_left, name_of, taken
from trackkit.contract.licenses import License, PoolUse, ReplayAnswer, Seat, SeatUse
from trackkit.domain.seats import Pool
from trackkit.frames.licenses import seats_words
from trackkit.widgets.problems import status
from trackkit.widgets.tables import Cell, instant, shown, table

MANY = 20
"""Rows about people in the result of a replay."""


def licenses_table(licenses: Sequence[License], today: date) -> str:
    """What is entered, and when its maintenance ends."""
    rows = [
        (
            Cell(one.number or ("evaluation" if one.evaluation else "cannot be read"), "tk-fixed"),
            Cell(seats_words(one.seats) or "none"),
            _maintenance(one, today),
            Cell(one.problem or "none", "tk-text", tone="tk-bad" if one.problem else ""),
            Cell(instant(one.added_at), "tk-fixed", below=(f"by {one.added_by}",)),
        )
        for one in licenses
    ]
    titles = ("Number", "Seats", "Maintenance until", "Problem", "Entered (UTC)")
    return table("Licenses", titles, rows, "There are no licenses, so nobody can log in to a project.")


def _maintenance(license: License, today: date) -> Cell:
    until = license.maintenance_until
    if until is None:
        return Cell("–" if license.evaluation or not license.issued_on else "without", "tk-fixed")
    left, warned = maintenance_left(until, today)
    return Cell(str(until), "tk-fixed", tone="tk-warn" if warned else "", below=(left,))


def expiry_warning(licenses: Iterable[License], today: date) -> str:
    """What ends soon or has ended, soonest first; empty when nothing does."""
    ends = sorted((one.maintenance_until, name_of(one)) for one in licenses if one.maintenance_until)
    lines = [
        f"The maintenance of {shown(name)} {'ends' if until >= today else 'ended'} on {until}: "
        f"{maintenance_left(until, today)[0]}."
        for until, name in ends
        if maintenance_left(until, today)[1]
    ]
    advice = "Seats stay, but ask whoever issues your licenses for a renewed serial, then use Replace."
    return status("<br>".join([*lines, advice]), "tk-warn") if lines else ""


def pool_bars(pools: Iterable[PoolUse]) -> str:
    """For each pool how many of its seats are taken, as words and as a bar."""
    return "".join(_bar(pool) for pool in pools if pool.seats or pool.in_use or pool.pool is not Pool.dedicated)


def _bar(pool: PoolUse) -> str:
    words = shown(taken(pool))
    if pool.pool is Pool.dedicated or not pool.seats:
        none = "" if pool.pool is Pool.dedicated else ": no license for such clients"
        return f'<p class="tk-pool"><span>{words}{none}</span></p>'
    share, full = min(pool.in_use / pool.seats, 1), pool.in_use >= pool.seats
    return (
        f'<p class="tk-pool"><span>{words}{" – all of them" if full else ""}</span>'
        f'<span class="tk-bar {"tk-full" if full else ""}" role="meter" aria-label="{words}" aria-valuemin="0" '
        f'aria-valuemax="{pool.seats}" aria-valuenow="{min(pool.in_use, pool.seats)}">'
        f'<span style="width: {share:.1%}"></span></span></p>'
    )


def seats_table(seats: Sequence[Seat]) -> str:
    """Who holds what now, since when, and when it comes back by itself."""
    rows = [
        (
            Cell(seat.username, "tk-text", below=(f"project {seat.database}",)),
            Cell(seat.pool.value, below=(seat.license_number,)),
            Cell(seat.client, below=(seat.client_address,)),
            Cell(instant(seat.taken_at), "tk-fixed"),
            Cell(instant(seat.used_at), "tk-fixed"),
            Cell(instant(seat.ends_at), "tk-fixed"),
        )
        for seat in seats
    ]
    titles = ("Who", "Seat", "Client", "Since (UTC)", "Last used (UTC)", "Free by itself (UTC)")
    return table("Seats taken now", titles, rows, "Nobody holds a seat.")


def refusals_table(uses: Sequence[SeatUse]) -> str:
    """Who found no seat, newest first."""
    rows = [
        (
            Cell(instant(use.ended_at), "tk-fixed"),
            Cell(use.username, "tk-text", below=(f"project {use.database}",)),
            Cell(use.pool.value, below=(use.license_number,)),
            Cell(use.client, below=(use.client_address,)),
        )
        for use in uses
    ]
    return table("Refusals", ("When (UTC)", "Who", "Seat", "Client"), rows, "Nobody was refused for want of a seat.")


def refused_most_table(found: ReplayAnswer) -> str:
    """Who would have been refused, most often first."""
    rows = [(Cell(one.holder, "tk-text"), Cell(f"{one.refusals:,}", "tk-number")) for one in found.by_holder[:MANY]]
    more = len(found.by_holder) - MANY
    rest = f'<p class="tk-hint">and {more:,} more</p>' if more > 0 else ""
    return table("Who would have been refused", ("Who", "Times"), rows, "Nobody would have been refused.") + rest
