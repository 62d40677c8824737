"""License seats: taking one at a log-in, giving them back, and what the log and the history are told.

The rules are `domain.seats`; here they meet the clock, the options and the database. Who finds no seat gets `NoSeat`,
after the refusal was written down; of one pool the first refusal of an hour is a Warning in the log, the others are
Information. One dedicated license in use twice is Unusual Activity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from trackkit.domain import licenses as license_rules
from trackkit.domain import seats as rules
from trackkit.domain.errors import Conflict, InvalidInput, NoSeat, SerialForged
from trackkit.domain.licenses import License, LicenseKind
from trackkit.domain.log import Severity
from trackkit.domain.seats import Decision, Ending, Pool, Timeouts
from trackkit.services import licensing
from trackkit.services.environment import Call, Environment
from trackkit.services.expiry import today
from trackkit.store import project_sessions, records, seat_history
from trackkit.store.database import Connection
from trackkit.store.project_sessions import ProjectSessionRow
from trackkit.store.seat_history import SeatUse

SOURCE: Final = "licenses"
_NAMED: Final = 20
"""Holders that a refusal names; of more it says how many."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The seat a log-in asks for. `license` is the dedicated one that was presented; else none."""

    pool: Pool
    client: str
    database: str
    username: str
    license: License | None

    @property
    def number(self) -> str:
        """Of the dedicated license; else empty."""
        return f"{self.license.number:016X}" if self.license else ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it: sessions that ended to make room, and without a seat the refusal."""

    ended: tuple[tuple[ProjectSessionRow, Ending], ...]
    refusal: NoSeat | None
    refusals: int = 0
    """Of the pool in this hour, this one included."""


def timeouts(environment: Environment) -> Timeouts:
    """How long seats last, as the options say."""
    options = environment.options.current.server
    api = timedelta(minutes=options.api_idle_minutes)
    idle = {
        "web": timedelta(minutes=options.web_idle_minutes),
        "api": api,
        "native": timedelta(minutes=options.native_idle_minutes),
    }
    return Timeouts(idle, api)


def wanted(call: Call, client: str, database: str, username: str, serial: SecretStr | None) -> Wanted:
    """The seat a log-in asks for; a serial that does not hold here is refused, a forged one logged."""
    if serial is None:
        return Wanted(rules.pool_of(client, dedicated=False), client, database, username, None)
    if client != "native":
        raise InvalidInput.of("serial", f"is for native clients; this is a {client} client, which takes a web seat")
    environment = call.environment
    try:
        license = licensing.read_serial(environment, serial)
    except SerialForged:
        _tell(environment, Severity.unusual_activity, f"{username} presented a forged serial.", database, username)
        raise
    if license.kind is not LicenseKind.dedicated:
        raise InvalidInput.of(
            "serial", f"is that of a {license.kind} license, which is entered on the server", "Log in without a serial."
        )
    license_rules.check_usable(license, UUID(environment.server_id), today(environment))
    return Wanted(Pool.dedicated, client, database, username, license)


def take(environment: Environment, connection: Connection, asked: Wanted, address: str) -> Taken:
    """Reclaim what is over, then decide; a refusal is written down. Nobody else decides meanwhile."""
    now = environment.clock()
    records.lock_facts(connection)
    project_sessions.pull_back(connection, now)
    entered = licensing.entered(environment, connection)
    if asked.license is None:
        capacity = licensing.seats_by_kind(entered)[LicenseKind(asked.pool.value)]
    else:
        license_rules.check_sort(asked.license, licensing.licenses_that_count(entered))
        capacity = 1
    sessions = {row.session_id: row for row in project_sessions.all_sessions(connection)}
    leases = [row.lease for row in sessions.values()]
    decision = rules.checkout(leases, asked.pool, asked.number, capacity, now, timeouts(environment))
    ended = tuple(project_sessions.end_leases(connection, decision.reclaimed, now))
    if decision.granted:
        _note(environment, connection, asked.pool, capacity, len(decision.holders) + 1)
        return Taken(ended, None)
    use = SeatUse(
        asked.pool,
        asked.number,
        asked.database,
        asked.username,
        asked.client,
        address,
        now,
        now,
        now,
        Ending.refused,
        [],
    )
    seat_history.add_uses(connection, [use])
    refusals = _note(environment, connection, asked.pool, capacity, len(decision.holders), refused=True)
    return Taken(ended, _refusal(asked, capacity, decision, sessions), refusals)


def _note(
    environment: Environment, connection: Connection, pool: Pool, seats: int, in_use: int, *, refused: bool = False
) -> int:
    if pool is Pool.dedicated:  # no pool to run out of
        return int(refused)
    return seat_history.note_seats(connection, environment.clock(), pool, seats, in_use, sample=False, refused=refused)


def _refusal(asked: Wanted, seats: int, decision: Decision, sessions: dict[str, ProjectSessionRow]) -> NoSeat:
    """How many there are, who holds them and since when; of other projects' users only the number is told."""
    details = {"pool": asked.pool.value, "seats": str(seats), "in_use": str(len(decision.holders))}
    rows = [sessions[lease.session_id] for lease in decision.holders]
    if asked.license is not None:
        name = asked.license.name
        return NoSeat(
            f"Your log-in is right, but the dedicated license {name} is in use already: {_who(rows, asked)}",
            "It is one person's, on one computer at a time. Log out there, or wait for its time-out.",
            details=details,
        )
    kind = "native" if asked.pool is Pool.floating else "web and API"
    if not seats:
        return NoSeat(
            f"Your log-in is right, but this server has no license for {kind} clients.",
            "An administrator of the server enters one (`trackkit license add`).",
            details=details,
        )
    all_of = "The only" if seats == 1 else f"All {seats}"
    return NoSeat(
        f"Your log-in is right, but no seat is free. {all_of} {asked.pool} seat{'s' if seats > 1 else ''} "
        f"{'are' if seats > 1 else 'is'} taken: {_who(rows, asked)}",
        "Try again when somebody has logged out, or ask an operator of the server to end a session.",
        details=details,
    )


def _who(rows: Sequence[ProjectSessionRow], asked: Wanted) -> str:
    mine = [row for row in rows if row.database == asked.database]
    named = [f"{row.username} since {row.opened_at:%Y-%m-%d %H:%M} UTC" for row in mine]
    if (more := len(named) - _NAMED) > 0:
        named = [*named[:_NAMED], f"{more} more"]
    if others := len(rows) - len(mine):
        named.append(f"{others} in other projects")
    return ", ".join(named) + "."


def tell_and_refuse(environment: Environment, asked: Wanted, taken: Taken, address: str) -> None:
    """Write to the log what `take` did, then raise the refusal if there is one."""
    for row, how in taken.ended:
        tell_ended(environment, row, how)
    if taken.refusal is None:
        if asked.license is not None:
            licensing.warn_of(environment, asked.license)
        return
    if asked.license is not None:
        words = f"{asked.username} presented the dedicated license {asked.license.name}, which is in use already."
        severity = Severity.unusual_activity
    else:
        words = f"{asked.username} was refused: no {asked.pool} seat was free ({taken.refusals} times in this hour)."
        severity = Severity.warning if taken.refusals == 1 else Severity.information
    _tell(environment, severity, words, asked.database, asked.username, address, taken.refusal.message)
    raise taken.refusal


def tell_ended(environment: Environment, row: ProjectSessionRow, how: Ending) -> None:
    """The log's entry about a session that ended by itself."""
    words = f"The project session of {row.username} ({row.client}) {rules.WORDS[how]}; its seat is free again."
    environment.log.write(
        Severity.information,
        "project log-in",
        words,
        database=row.database,
        username=row.username,
        client_address=row.client_address,
    )


def _tell(
    environment: Environment,
    severity: Severity,
    words: str,
    database: str,
    username: str,
    address: str = "",
    details: str = "",
) -> None:
    environment.log.write(
        severity, SOURCE, words, details, database=database, username=username, client_address=address
    )


def reclaim_seats(environment: Environment) -> None:
    """End the sessions nobody came back to, and those of clients that vanished; each is logged."""
    now, lasting = environment.clock(), timeouts(environment)

    def look(connection: Connection) -> bool:
        rows = project_sessions.all_sessions(connection)
        ahead = any(max(row.last_used_at, row.seen_at) > now for row in rows)
        return ahead or any(rules.ending_of(row.lease, now, lasting) for row in rows)

    def work(connection: Connection) -> list[tuple[ProjectSessionRow, Ending]]:
        records.lock_facts(connection)
        project_sessions.pull_back(connection, now)
        leases = [row.lease for row in project_sessions.all_sessions(connection)]
        return project_sessions.end_leases(connection, rules.reclaim(leases, now, lasting)[1], now)

    if environment.store.read(look):
        for row, how in environment.store.write(work):
            tell_ended(environment, row, how)


def sample_seats(environment: Environment) -> None:
    """Count the seats in use for the history."""

    def work(connection: Connection) -> None:
        records.lock_facts(connection)
        for use in licensing.pool_uses(environment, connection):
            if use.pool is not Pool.dedicated and (use.seats or use.in_use):
                seat_history.note_seats(connection, environment.clock(), use.pool, use.seats, use.in_use, sample=True)

    environment.store.write(work)


def tidy_history(environment: Environment) -> None:
    """Let the history not grow for ever."""
    environment.store.write(lambda connection: seat_history.tidy(connection, environment.clock()))


def solosubmit_licensed(environment: Environment, connection: Connection) -> bool:
    """Whether defects without an account are licensed."""
    return licensing.seats_by_kind(licensing.entered(environment, connection))[LicenseKind.solosubmit] > 0


def check_solosubmit(environment: Environment, connection: Connection) -> None:
    """`Conflict` unless defects without an account are licensed."""
    if not solosubmit_licensed(environment, connection):
        raise Conflict(
            "This server has no solosubmit license, so nobody can submit a defect without an account.",
            "An administrator of the server enters one (`trackkit license add`).",
        )
