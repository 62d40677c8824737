"""Mail of projects on its way into the queue: once each, in order, wherever the server stops; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.store.conftest import AsUser
from trackkit.contract.databases import CreateDatabase, EditDatabase
from trackkit.contract.log import ListLog
from trackkit.contract.mail import ListQueue
from trackkit.domain.errors import Unavailable
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS, Defect
from trackkit.domain.tracking.letter import Letter, Party, compose
from trackkit.services import databases, log, mail_listing, project_outbox
from trackkit.services.environment import Environment
from trackkit.services.project_stores import OpenProject
from trackkit.store import outbox, project_emails, project_items
from trackkit.store.database import Connection
from trackkit.store.outbox import Outgoing
from trackkit.store.project_emails import NewEmail
from trackkit.store.project_tables import facts, outgoing

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop(environment: Environment, admin: AsUser) -> OpenProject:
    """A project with a defect."""
    name = databases.create_database(admin(), CreateDatabase(name="shop")).name
    project = environment.projects.open(name)
    project.write(lambda c: project_items.add(c, KINDS[Kind.defect], Defect(title="It stops"), {}, NOW, "ada"))
    return project


def put(project: OpenProject, *subjects: str, now: datetime = NOW) -> list[int]:
    """File e-mails and put them on their way, in one transaction; their numbers."""

    def work(connection: Connection) -> list[int]:
        first = project_emails.take_email_numbers(connection, len(subjects))
        emails = [made(first + at, subject) for at, subject in enumerate(subjects)]
        project_emails.add_all(connection, emails, NOW, "ada")
        mails = [Outgoing(email.number, "sent", "ada@x.test", tuple(email.recipients), email.raw) for email in emails]
        outbox.put(connection, mails, now)
        return [email.number for email in emails]

    return project.write(work)


def made(number: int, subject: str) -> NewEmail:
    message_id = f"<{number}.{subject}@x.test>"
    letter = Letter(
        author=Party("ada@x.test"),
        to=[Party("bob@y.test")],
        subject=subject,
        text="text",
        date=NOW,
        message_id=message_id,
    )
    return NewEmail(
        number=number,
        kind=Kind.defect,
        record=1,
        sent=True,
        tracked=False,
        sender="ada@x.test",
        recipients=["bob@y.test"],
        subject=subject,
        text="text",
        message_id=message_id,
        mailed_on=NOW.date(),
        raw=compose(letter),
    )


def queued(admin: AsUser) -> list[str]:
    """The subjects in the queue, oldest first."""
    return [message.subject for message in mail_listing.list_queue(admin(), ListQueue()).messages][::-1]


def ids(admin: AsUser) -> list[str]:
    """Their ids there, oldest first."""
    return [message.queue_id for message in mail_listing.list_queue(admin(), ListQueue()).messages][::-1]


def left(project: OpenProject) -> int:
    return project.read(lambda c: c.execute(select(func.count()).select_from(outgoing)).scalar_one())


def places(project: OpenProject, numbers: list[int]) -> list[str]:
    rows = [project.read(lambda c, number=number: project_emails.find(c, number)) for number in numbers]  # type: ignore[misc]
    return [row.queue_id for row in rows if row]


def test_what_is_put_is_queued_once_and_in_order(environment: Environment, admin: AsUser, shop: OpenProject) -> None:
    first = put(shop, "one", "two")
    project_outbox.flush(environment, shop.row)
    second = put(shop, "three")
    project_outbox.flush(environment, shop.row)
    project_outbox.flush(environment, shop.row)
    project_outbox.flush_all(environment)
    assert queued(admin) == ["one", "two", "three"]
    assert places(shop, first + second) == ids(admin)
    assert left(shop) == 0


def test_who_puts_something_knows_its_place_though_another_takes_it(
    environment: Environment, shop: OpenProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_queue, go_on = threading.Event(), threading.Event()
    taken_over = outbox.taken_over

    def slow(*given: Any) -> None:
        in_the_queue.set()
        go_on.wait(10)
        taken_over(*given)

    monkeypatch.setattr(outbox, "taken_over", slow)
    numbers = put(shop, "one")
    with ThreadPoolExecutor(2) as pool:
        chore = pool.submit(project_outbox.flush_all, environment)
        assert in_the_queue.wait(10)
        own = pool.submit(project_outbox.flush, environment, shop.row)
        with pytest.raises(TimeoutError):
            own.result(timeout=0.2)
        go_on.set()
        own.result(10)
        assert places(shop, numbers) != [""]
        chore.result(10)


@pytest.mark.parametrize("stop", ["before the queue has it", "before the project forgets it"])
def test_a_stop_between_the_two_loses_nothing_and_sends_nothing_twice(
    environment: Environment, admin: AsUser, shop: OpenProject, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    def stopped(*_: object) -> None:
        raise Unavailable("The server stops.")

    numbers = put(shop, "one", "two")
    with monkeypatch.context() as stopping:
        stopping.setattr(outbox, "taken_over" if "project" in stop else "move_mark", stopped)
        project_outbox.flush(environment, shop.row)
        assert (left(shop), len(queued(admin))) == (2, 2 if "project" in stop else 0)
    numbers += put(shop, "three")
    project_outbox.flush(environment, shop.row)
    project_outbox.flush_all(environment)
    project_outbox.flush_all(environment)
    assert queued(admin) == ["one", "two", "three"]
    assert left(shop) == 0
    assert places(shop, numbers) == ids(admin)
    told = [entry.message for entry in log.list_log(admin(), ListLog(level="warning", match="more")).entries]
    assert any("The server stops." in message for message in told), told


def test_a_project_that_may_not_send_keeps_its_mail(environment: Environment, admin: AsUser, shop: OpenProject) -> None:
    def may_send(yes: bool) -> None:
        databases.edit_database(admin(), EditDatabase(database="shop", settings={"sending": yes}))

    may_send(False)
    put(shop, "one")
    project_outbox.flush(environment, shop.row)
    project_outbox.flush_all(environment)
    assert (queued(admin), left(shop)) == ([], 1)
    may_send(True)
    project_outbox.flush_all(environment)
    assert (queued(admin), left(shop)) == (["one"], 0)


def test_many_at_once_are_each_queued_once(environment: Environment, admin: AsUser, shop: OpenProject) -> None:
    def send(number: int) -> None:
        put(shop, f"a{number}", f"b{number}")
        project_outbox.flush(environment, shop.row)

    with ThreadPoolExecutor(4) as hands:
        list(hands.map(send, range(12)))
    project_outbox.flush_all(environment)
    assert sorted(queued(admin)) == sorted(f"{letter}{number}" for letter in "ab" for number in range(12))
    assert left(shop) == 0


def test_a_project_put_back_from_an_older_copy_loses_nothing(
    environment: Environment, admin: AsUser, shop: OpenProject
) -> None:
    put(shop, "before")
    counter = facts.c.name == "last_outgoing"
    copied = shop.read(lambda c: c.execute(select(facts.c.value).where(counter)).scalar_one())
    for number in range(3):
        put(shop, f"{number}")
    project_outbox.flush(environment, shop.row)
    shop.write(lambda c: c.execute(update(facts).where(counter).values(value=copied)))
    put(shop, "after", now=NOW + timedelta(seconds=1))
    project_outbox.flush_all(environment)
    assert queued(admin) == ["before", "0", "1", "2", "after"]


def test_large_ones_go_one_after_the_other(shop: OpenProject) -> None:
    mails = [Outgoing(None, "sent", "", ("bob@y.test",), b"x" * size) for size in (10, 10, 100, 10)]
    shop.write(lambda c: outbox.put(c, mails, NOW))

    def numbers(after: int, octets: int) -> list[int]:
        return [one.number for one in shop.read(lambda c: outbox.waiting(c, after, 3, octets))]

    first, second, third = numbers(0, 1000)
    assert numbers(0, 25) == [first, second] == [third - 2, third - 1]
    assert numbers(second, 25) == [third]
    assert numbers(third, 25) == [third + 1]
    shop.write(outbox.forget_all)
    assert left(shop) == 0
