"""Prepared statements: values come and go as with SQLAlchemy, lists of any length, errors of the same kind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from tests.store.conftest import Clock
from trackkit.domain.errors import Unavailable
from trackkit.domain.seats import Ending, Pool
from trackkit.services.environment import Environment
from trackkit.store.prepared import LONGEST, Prepared, listed
from trackkit.store.tables import facts, mail_workers, seat_uses

_ADD = Prepared(
    insert(mail_workers).values(
        name=bindparam("b_name"), joined_at=bindparam("b_at"), seen_at=bindparam("b_at"), connections=7
    )
)
_OF = Prepared(select(mail_workers.c.name, mail_workers.c.seen_at).where(mail_workers.c.id.in_(listed("b_ids"))))
_REMOVE = Prepared(delete(mail_workers).where(mail_workers.c.id.in_(listed("b_ids"))))


@pytest.mark.parametrize("number", [1, 2, 9, 10, 11, 60, LONGEST])
def test_lists_of_every_length_are_what_was_given(environment: Environment, clock: Clock, number: int) -> None:
    at = [clock() + timedelta(microseconds=n) for n in range(number + 1)]
    rows = [{"b_name": f"w{n}", "b_at": moment} for n, moment in enumerate(at)]
    environment.store.write(lambda connection: _ADD.many(connection, rows))
    ids = environment.store.read(
        lambda connection: connection.execute(select(mail_workers.c.id).order_by(mail_workers.c.id)).scalars().all()
    )
    found = environment.store.read(lambda connection: _OF.rows(connection, {}, b_ids=ids[:number]))
    assert sorted(found) == sorted((f"w{n}", at[n]) for n in range(number))
    assert environment.store.write(lambda connection: _REMOVE.changed(connection, {}, b_ids=ids[:number])) == number
    assert environment.store.read(lambda connection: _OF.rows(connection, {}, b_ids=[ids[number]])) != []


def test_values_of_every_type_come_back_as_with_sqlalchemy(environment: Environment, clock: Clock) -> None:
    row = {
        "pool": Pool.web,
        "license_number": "7",
        "database": "sample",
        "username": "ann",
        "client": "web",
        "client_address": "::1",
        "taken_at": clock(),
        "used_at": clock(),
        "ended_at": clock() + timedelta(microseconds=1),
        "ending": next(iter(Ending)),
        "pauses": [],
    }
    environment.store.write(lambda connection: connection.execute(insert(seat_uses), [row]))
    columns = [seat_uses.c[name] for name in row if name != "pauses"]
    query = select(*columns).where(seat_uses.c.pool == bindparam("b_pool"))
    plain, prepared = environment.store.read(
        lambda connection: (
            [tuple(one) for one in connection.execute(query, {"b_pool": Pool.web})],
            Prepared(query).rows(connection, {"b_pool": Pool.web}),
        )
    )
    assert plain == prepared == [tuple(value for name, value in row.items() if name != "pauses")]


def test_errors_are_those_of_sqlalchemy_and_show_no_values(environment: Environment) -> None:
    twice = Prepared(insert(facts).values(name=bindparam("b_name"), value=bindparam("b_value")))

    def work(connection) -> None:
        twice.many(connection, [{"b_name": "x", "b_value": "the-secret"}] * 2)

    with pytest.raises(IntegrityError) as caught:
        environment.store.write(work)
    assert "the-secret" not in str(caught.value.args[0]).partition("DETAIL")[0]
    broken = Prepared(select(facts.c.name).prefix_with("nonsense ("))
    with pytest.raises((DBAPIError, Unavailable)):
        environment.store.read(lambda connection: broken.rows(connection, {}))
    assert (
        environment.store.read(lambda connection: connection.execute(select(facts.c.name)).scalars().all()) is not None
    )


def test_an_error_while_rows_are_read_is_of_the_same_kind(environment: Environment, clock: Clock) -> None:
    """SQLite runs a statement while its rows are read: the second of them is where it fails."""
    rows = [{"b_name": name, "b_at": clock()} for name in ("1", "x")]
    environment.store.write(lambda connection: _ADD.many(connection, rows))
    failing = Prepared(select(func.cast_or_fail(mail_workers.c.name)).order_by(mail_workers.c.id))

    def work(connection: Connection) -> None:
        if environment.store.is_sqlite:
            connection.connection.driver_connection.create_function("cast_or_fail", 1, int)
        failing.rows(connection, {})

    with pytest.raises((DBAPIError, Unavailable)):
        environment.store.read(work)


def test_a_single_statement_is_durable_on_both(environment: Environment, clock: Clock) -> None:
    values = {"b_name": "w", "b_at": clock()}
    assert environment.store.write_at_once(lambda connection: _ADD.changed(connection, values)) == 1
    environment.store.write(lambda connection: None)
    found = environment.store.read(lambda connection: Prepared(select(mail_workers.c.name)).rows(connection, {}))
    assert ("w",) in found
