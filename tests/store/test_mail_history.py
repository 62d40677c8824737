"""The history of mail: found by what is known of a mail, kept for so many days; unsent mail is never touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain

import pytest
from sqlalchemy import event, select

from tests.store.conftest import AsUser, Clock
from tests.store.outcomes import ACCEPTED, LATER, NEVER
from trackkit.contract import mail as contract
from trackkit.contract.mail_history import ListSent, SentMail
from trackkit.domain.replies import Outcome
from trackkit.services import mail, mail_history
from trackkit.services.attempts import Attempted
from trackkit.services.delivery import DeliveryQueue
from trackkit.services.environment import Environment
from trackkit.services.mail_history import HistoryRetention
from trackkit.store import tables


def _submit(admin: AsUser, *to: str, sender: str = "", message_id: str = "") -> str:
    raw = f"Subject: x\r\nMessage-ID: {message_id}\r\n\r\n".encode()
    return mail.submit(admin(), contract.Submit.model_construct(message=raw, sender=sender, recipients=to)).queue_id


def _settle(queue: DeliveryQueue, clock: Clock, outcomes: dict[str, Outcome] | None = None) -> None:
    attempts = []
    for claimed in chain.from_iterable(iter(lambda: queue.claim(1000), [])):
        found = {r.recipient_id: (outcomes or {}).get(r.address, ACCEPTED) for r in claimed.recipients}
        attempts.append(Attempted(claimed, clock(), clock(), "mail.example.org:25", found, ""))
    queue.settle(attempts)


def _sent(admin: AsUser, **wanted: object) -> list[SentMail]:
    return list(mail_history.list_sent(admin(), ListSent(**wanted)).sent)


@pytest.mark.spec("5: sent mail leaves a line of history (when, who, Message-ID, host, reply, tries)")
def test_a_line_is_found_by_what_is_known_of_the_mail(queue: DeliveryQueue, admin: AsUser, clock: Clock) -> None:
    began = clock()
    for number in range(5):
        _submit(admin, f"r{number}@y.test", sender="Ada@x.test", message_id=f"<m{number}@x.test>")
        _settle(queue, clock)
        clock.forward(hours=1)
    _submit(admin, "100%_x@z.test")
    _settle(queue, clock)

    def found(**wanted: object) -> list[str]:
        return [line.recipient for line in _sent(admin, **wanted)]

    assert found(recipient="R3@") == ["r3@y.test"]
    assert found(sender="ada@") == [f"r{n}@y.test" for n in (4, 3, 2, 1, 0)]
    assert found(message_id="<m1@x.test>") == ["r1@y.test"]
    assert found(recipient="%_") == ["100%_x@z.test"]
    assert found(recipient="_4") == []
    since, until = began + timedelta(hours=1), began + timedelta(hours=3)
    assert found(since=since, until=until) == ["r2@y.test", "r1@y.test"]
    page = mail_history.list_sent(admin(), ListSent(sender="ada", limit=2))
    assert (page.total, page.total_is_exact) == (5, True)
    rest = mail_history.list_sent(admin(), ListSent(sender="ada", limit=9, before=page.next_before))
    assert [line.recipient for line in rest.sent] == [f"r{n}@y.test" for n in (2, 1, 0)]
    assert rest.next_before is None
    [line] = _sent(admin, message_id="m2")
    assert (line.host, line.reply, line.tries, line.sent_at) == (
        "mail.example.org:25",
        "250 2.0.0 Ok",
        1,
        began + timedelta(hours=2),
    )


@contextmanager
def _written(environment: Environment) -> Iterator[list[str]]:
    """The statements that change something, while this lasts."""
    seen: list[str] = []

    def note(_c: object, _u: object, statement: str, _p: object, _x: object, _m: object) -> None:
        if statement.split()[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            seen.append(" ".join(statement.split()[:3]))

    event.listen(environment.store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(environment.store.engine, "before_cursor_execute", note)


def _unsent(environment: Environment) -> list[list[object]]:
    """Everything the queue holds."""
    kept = (tables.messages, tables.bodies, tables.recipients, tables.attempts)
    return environment.store.read(
        lambda connection: [list(map(tuple, connection.execute(select(table)).all())) for table in kept]
    )


@pytest.mark.spec("5: history with retention that cannot touch unsent mail")
def test_retention_takes_old_lines_and_nothing_of_the_queue(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    """Every state, a message that is sent to one of its recipients and not to others, and clocks that jump."""
    for number in range(3):
        _submit(admin, f"sent{number}@y.test")
    _submit(admin, "part-sent@y.test", "part-failed@y.test", "part-later@y.test")
    _submit(admin, "later@y.test")
    _settle(queue, clock, {"part-failed@y.test": NEVER, "part-later@y.test": LATER, "later@y.test": LATER})
    held, deleted, _ = _submit(admin, "held@y.test"), _submit(admin, "deleted@y.test"), _submit(admin, "new@y.test")
    mail.hold(admin(), contract.Verb(queue_ids=(held,)))
    mail.delete(admin(), contract.Verb(queue_ids=(deleted,)))
    assert len(queue.claim(1)) == 1
    before, began = _unsent(environment), clock()
    retention = HistoryRetention(environment)
    retention.look()
    assert len(_sent(admin)) == 4, "nothing is old yet"
    for jump, left in ((timedelta(days=-400), 4), (timedelta(days=90), 4), (timedelta(days=90, seconds=1), 0)):
        clock.now = began + jump
        retention = HistoryRetention(environment)  # as after a restart: no memory of when it was last done
        with _written(environment) as statements:
            retention.look()
        assert len(_sent(admin)) == left, jump
        assert {s for s in statements if "audit" not in s.lower()} <= {"DELETE FROM history"}
        assert _unsent(environment) == before, jump
    clock.now = began + timedelta(days=20 * 365)
    HistoryRetention(environment).look()
    assert _unsent(environment) == before


def test_the_option_counts_and_none_keeps_everything(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    retention = HistoryRetention(environment)
    for _ in range(3):
        _submit(admin, "a@y.test")
        _settle(queue, clock)
        clock.forward(days=1)
    admin.set({"sending.history_days": None})
    clock.forward(days=1000)
    retention.look()
    assert len(_sent(admin)) == 3
    admin.set({"sending.history_days": 1002})
    retention.look()
    assert len(_sent(admin)) == 2
    clock.forward(days=1)
    retention.look()
    assert len(_sent(admin)) == 1


def test_a_large_history_goes_in_small_pieces(
    environment: Environment, queue: DeliveryQueue, admin: AsUser, clock: Clock
) -> None:
    _submit(admin, *(f"r{number}@y.test" for number in range(1000)))
    _submit(admin, *(f"s{number}@y.test" for number in range(300)))
    _settle(queue, clock)
    clock.forward(days=100)
    _submit(admin, "young@y.test")
    _settle(queue, clock)
    with _written(environment) as statements:
        HistoryRetention(environment).look()
    assert statements.count("DELETE FROM history") == 3
    assert [line.recipient for line in _sent(admin)] == ["young@y.test"]
